/**
 * Timeouts that gRPC can carry and Node cannot: a timer of more than 24 days fires at once, and a server of grpc-js 1.14.7 counts
 * milliseconds in 32 bits, so that 30 days are over before they begin.
 */

/** The longest time that a timer of Node takes, in milliseconds. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LONGEST_SECONDS = Math.floor(LONGEST_TIMER_MS / 1_000);
const SECONDS: Readonly<Record<string, number>> = { H: 3_600, M: 60, S: 1 };

/** A value of the grpc-timeout header, shortened to what a timer can hold; no call lasts that long. */
export function shortenedTimeout(value: string): string {
  const [, amount, unit = ""] = /^(\d{1,8})([HMS])$/.exec(value) ?? [];
  return Number(amount) * (SECONDS[unit] ?? 0) > LONGEST_SECONDS ? `${LONGEST_SECONDS}S` : value;
}
