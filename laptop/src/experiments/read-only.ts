/** Looks into the shop's databases without being able to change anything, and never for long. */
import pg from "pg";

const CONNECT_MS = 2_000;
const STATEMENT_MS = 2_000;

export interface ReadOnly {
  /** The rows; rejects when it takes too long. */
  rows<Row extends pg.QueryResultRow>(database: string, text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** An id of this moment: Postgres makes them as the services do. */
export async function idOfNow({ rows }: Pick<ReadOnly, "rows">, database: string): Promise<string> {
  const [made] = await rows<{ id: string }>(database, "SELECT uuidv7()::text AS id");
  return made?.id ?? "";
}

/** @param urlOf of a database, for its owner */
export function readOnly(urlOf: (database: string) => string): ReadOnly {
  const pools = new Map<string, pg.Pool>();
  const poolOf = (database: string): pg.Pool => {
    const known = pools.get(database);
    if (known) return known;
    const pool = new pg.Pool({
      connectionString: urlOf(database),
      application_name: "row experiment",
      max: 2,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS + 1_000,
      options: `-c default_transaction_read_only=on -c statement_timeout=${STATEMENT_MS}`,
    });
    pool.on("error", () => {}); // the query in hand fails, and says so itself
    pools.set(database, pool);
    return pool;
  };
  return {
    async rows<Row extends pg.QueryResultRow>(database: string, text: string, values: readonly unknown[] = []) {
      return (await poolOf(database).query<Row>(text, [...values])).rows;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}
