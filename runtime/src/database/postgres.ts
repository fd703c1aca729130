/** Postgres: a small pool, and hot statements prepared under a name. */
import pg from "pg";
import type { Logger } from "../telemetry/logger.ts";

const INT8_OID = 20;
/** int8 columns are counters and versions that may pass 2^53: they come as bigint. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8_OID ? BigInt : pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig["getTypeParser"],
};

/** Anything a statement can run on: the pool, or the client of a transaction. */
export type Queryable = Pick<pg.Pool, "query">;

/** Postgres itself gives a statement up after this long, and says so. */
const STATEMENT_MS = 10_000;
/** One that does not even say that is frozen or cut off: TCP would wait for it for a quarter of an hour. */
const ANSWER_MS = 12_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

/**
 * Creates the pool of a process: 5 connections by default, 2 s to get one. An answer that is not there after `answerMs`
 * (0: no limit, for work that takes long) is given up together with its connection.
 */
export function createPool(
  connectionString: string,
  log: Logger,
  size = 5,
  { answerMs = ANSWER_MS }: { answerMs?: number } = {},
): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: size,
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: STATEMENT_MS,
    query_timeout: answerMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types,
  });
  pool.on("connect", endWhenOverdue);
  // An idle connection that breaks is replaced by the next query; without a listener it would end the process.
  // Its error holds the whole client, which is no use in a log.
  pool.on("error", (error) => log.warn({ reason: error.message }, "lost a database connection"));
  return pool;
}

/**
 * Ends a connection whose answer is overdue. The pool does so for statements of its own; a transaction's ROLLBACK, and whoever
 * got the connection after it, would wait behind that answer for as long again.
 */
function endWhenOverdue(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const connection = client as unknown as pg.Client; // what every client of a pool is
  const guarded = (...given: unknown[]): unknown => {
    const answer = query(...given);
    if (answer instanceof Promise) {
      answer.catch((error: unknown) => {
        if (isOverdue(error)) void connection.end();
      });
    }
    return answer;
  };
  client.query = guarded as typeof client.query;
}

function isOverdue(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

/** Waits until Postgres answers; throws one clear Error after `seconds`. */
export async function waitForPostgres(pool: pg.Pool, seconds = 15): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    try {
      await pool.query("SELECT 1");
      return;
    } catch (error) {
      if (performance.now() > end) {
        const { host, port, database } = pool.options as { host?: string; port?: number; database?: string };
        const where = pool.options.connectionString ? new URL(pool.options.connectionString) : undefined;
        const name = where ? `${where.host}${where.pathname}` : `${host}:${port}/${database}`;
        const why =
          error instanceof Error ? error.message || ("code" in error ? String(error.code) : "") : String(error);
        throw new Error(`Cannot reach Postgres at ${name} for ${seconds} s: ${why}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** A statement that Postgres plans once per connection. `name` must be unique in the process. */
export function statement<Row extends pg.QueryResultRow>(name: string, text: string) {
  return async (db: Queryable, values: readonly unknown[]): Promise<Row[]> => {
    const result = await db.query<Row>({ name, text, values: [...values] });
    return result.rows;
  };
}

/** Whether the error is a violation of this unique index or primary key. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return error instanceof pg.DatabaseError && error.code === "23505" && error.constraint === constraint;
}

/** Whether Postgres broke a deadlock by cancelling this statement; it had no effect. */
export function isDeadlock(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "40P01";
}
