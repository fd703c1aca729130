import { BlockList, isIP } from "node:net";

/** Whether the text is a network, "10.0.0.0/8", or a single address. */
export function isNetwork(text: string): boolean {
  return parse(text) !== undefined;
}

/** Whether one network lies inside another; both must be networks. */
export function isInside(inner: string, outer: string): boolean {
  const [small, large] = [parse(inner), parse(outer)];
  if (!small || !large || small.family !== large.family || small.bits < large.bits) return false;
  const list = new BlockList();
  list.addSubnet(large.address, large.bits, large.family);
  return list.check(small.address, small.family);
}

function parse(text: string): { address: string; bits: number; family: "ipv4" | "ipv6" } | undefined {
  const [address = "", prefix, rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest !== undefined) return undefined;
  const most = version === 4 ? 32 : 128;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const bits = prefix === undefined ? most : Number(prefix);
  return bits > most ? undefined : { address, bits, family: version === 4 ? "ipv4" : "ipv6" };
}
