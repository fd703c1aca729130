/** Errors of Postgres and Prisma that pass by themselves, told from those that do not. */

/** SQLSTATE classes and codes that pass by themselves: connection lost, shutting down, serialisation, deadlock. */
const PASSING_SQLSTATE = /^(08|53|57P0|40001|40P01|55P03)/;

/** Prisma's own codes for the same. */
const PRISMA_TROUBLE = /^P(10(01|02|08|11|17)|2024|2034|2037)$/;

/** What pg says without a code; its query_timeout is the last but one. */
const LOST_CONNECTION =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Client was closed/;

const SOCKET_TROUBLE = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOENT"]);

/** Whether the error says that the database cannot be reached for now. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseTrouble);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return (
    PASSING_SQLSTATE.test(code) ||
    PASSING_SQLSTATE.test(sqlStateInPrisma(error)) ||
    PRISMA_TROUBLE.test(code) ||
    SOCKET_TROUBLE.has(code) ||
    LOST_CONNECTION.test(error.message)
  );
}

/** SQLSTATEs of a statement that lost against another, or took longer than it may. */
const CONFLICT_SQLSTATE = /^(40001|40P01|55P03|57014)$/;

/** Whether the statement might do if it came again: it had no effect, and nothing is wrong with it. */
export function isDatabaseConflict(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return CONFLICT_SQLSTATE.test(code) || CONFLICT_SQLSTATE.test(sqlStateInPrisma(error)) || code === "P2034";
}

/** The SQLSTATE of an error that Prisma wraps; empty for any other error. */
function sqlStateInPrisma(error: Error): string {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } } };
  return String(meta?.driverAdapterError?.cause?.originalCode ?? "");
}
