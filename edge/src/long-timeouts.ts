/** Timeouts that Connect and gRPC can carry and Node cannot: a timer of more than 24 days fires at once. */
const LONGEST_MS = 2 ** 31 - 1;
const LONGEST_SECONDS = Math.floor(LONGEST_MS / 1_000);
const SECONDS: Readonly<Record<string, number>> = { H: 3_600, M: 60, S: 1 };

/** Shortens what a request asks for to what a timer can hold; no call lasts that long. */
export function shortenTimeouts(header: Headers): void {
  if (Number(header.get("connect-timeout-ms")) > LONGEST_MS) header.set("connect-timeout-ms", String(LONGEST_MS));
  const [, amount, unit = ""] = /^(\d{1,8})([HMS])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  if (Number(amount) * (SECONDS[unit] ?? 0) > LONGEST_SECONDS) header.set("grpc-timeout", `${LONGEST_SECONDS}S`);
}
