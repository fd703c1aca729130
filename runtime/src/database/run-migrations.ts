// Brings the database of the service in whose folder this runs to what the code here expects: the runtime's migrations, then
// the service's own. For a Job in a cluster, which may run before its database is there.
import { parseEnv } from "../config.ts";
import { createLogger } from "../telemetry/logger.ts";
import { databaseVariables } from "../variables.ts";
import { applyMigrations } from "./migrations.ts";
import { createPool, waitForPostgres } from "./postgres.ts";
import { prismaFolders } from "./prisma-folders.ts";

const PATIENCE_SECONDS = 300;

const { databaseUrl } = parseEnv({ databaseUrl: databaseVariables.databaseUrl });
const log = createLogger({ service: "migrations" }, "info");
const pool = createPool(databaseUrl, log, 1);
await waitForPostgres(pool, PATIENCE_SECONDS);
await pool.end();
for (const { folder, schema } of prismaFolders(process.cwd())) {
  log.info({ schema, applied: await applyMigrations(databaseUrl, folder, schema) }, "migrated");
}
