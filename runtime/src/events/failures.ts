/** What the failure of a try says of the event, and when to try again. */
import { isDatabaseConflict, isDatabaseTrouble } from "../database/trouble.ts";

const MAX_DELAY_MS = 30_000;
const AWAY_DELAY_MS = 1_000;
/** About four minutes, for what should pass sooner: a missing event is then a dead letter itself. */
export const PATIENT_TRIES = 16;

/** Whether the event came before its turn. */
export function isGap(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "RWGAP";
}

/**
 * In how many milliseconds to try the same again, since this says nothing about the event: Postgres is away, for however long, or
 * the statement lost against others, which may happen `conflicts` times in a row. Undefined for a failure.
 */
export function delayOfTheSame(error: unknown, times: number, conflicts: number): number | undefined {
  if (isDatabaseConflict(error)) return times <= conflicts ? doubled(100, times) : undefined;
  return isDatabaseTrouble(error) ? AWAY_DELAY_MS : undefined;
}

/** The delay after so many times: doubled with each, up to 30 s. */
export function doubled(milliseconds: number, times: number): number {
  return Math.min(milliseconds * 2 ** (times - 1), MAX_DELAY_MS);
}
