/** `X-Server-Timeout`: how many seconds the caller wants to wait, as Google's APIs take it. */
import { InvalidField } from "@row/runtime/errors.ts";

/** The milliseconds asked for; undefined when the caller leaves it to the call's class. */
export function askedTimeout(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d{1,6}(\.\d{1,6})?$/.test(header) ? Number(header) : 0;
  if (seconds <= 0) throw new InvalidField("X-Server-Timeout", 'must be a number of seconds, such as "1.5"');
  return seconds * 1_000;
}
