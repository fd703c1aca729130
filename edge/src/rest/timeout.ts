/** `X-Server-Timeout`: how many seconds the caller wants to wait, as Google's APIs take it. */
import { InvalidField } from "@row/runtime/domain-error.ts";

/** In less no service can answer: such a timeout would always be a 504. */
const SHORTEST_SECONDS = 0.05;

/** The milliseconds asked for; undefined when the caller leaves it to the call's class. */
export function askedTimeout(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d{1,6}(\.\d{1,6})?$/.test(header) ? Number(header) : 0;
  if (seconds < SHORTEST_SECONDS) {
    throw new InvalidField("X-Server-Timeout", `must be a number of seconds from ${SHORTEST_SECONDS}, such as "1.5"`);
  }
  return seconds * 1_000;
}
