/** The only way to fill a database with demo data: connects, calls the domain, and ends. */
import type pg from "pg";
import { runInBackground } from "./call.ts";
import { parseEnv } from "./config.ts";
import { createPool, waitForPostgres } from "./database/postgres.ts";
import type { Spec } from "./host.ts";
import { createLogger } from "./telemetry/logger.ts";
import { databaseVariables } from "./variables.ts";

/** Runs `seed` with the pool of the database and the parsed variables, on behalf of "seed". Events it writes are published later. */
export async function runSeed<S extends Spec>(
  service: string,
  variables: S,
  seed: (pool: pg.Pool, config: ReturnType<typeof parseEnv<S>>) => Promise<void>,
): Promise<void> {
  const { databaseUrl } = parseEnv(databaseVariables);
  const config = parseEnv(variables);
  const pool = createPool(databaseUrl, createLogger({ service, version: "seed", instance: "seed" }, "warn"));
  await waitForPostgres(pool);
  await runInBackground({ producer: `${service}/seed/seed`, actor: "seed", correlationId: "seed" }, () =>
    seed(pool, config),
  );
  await pool.end();
}
