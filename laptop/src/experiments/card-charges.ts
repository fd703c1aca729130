/** What the card gateway itself says of orders' charges, whatever payments' books have. */
import { RowError } from "@row/topology/row-error.ts";
import type { CardCharge } from "./invariants.ts";

/** The gateway is one process, and the shop's own calls come first. */
const AT_ONCE = 4;

/** By order, those that it has seen. @param address "127.0.0.1:6010" */
export async function cardCharges(
  address: string,
  orders: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, CardCharge>> {
  const charges = new Map<string, CardCharge>();
  const waiting = [...orders];
  const askOne = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const charge = await cardCharge(address, id, signal);
      if (charge) charges.set(id, charge);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOne));
  return charges;
}

async function cardCharge(address: string, order: string, signal: AbortSignal): Promise<CardCharge | undefined> {
  const response = await fetch(`http://${address}/v1/authorizations/${order}`, { signal });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new RowError(`the card gateway answers ${response.status}`);
  // The gateway is this shop's own.
  const { status, amountMinor = "0" } = (await response.json()) as { status: string; amountMinor?: string };
  return { status, amountMinor: BigInt(amountMinor) };
}
