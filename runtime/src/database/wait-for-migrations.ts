// Ends when the database has every migration that the code here expects; run in a service's folder. It waits as long as it
// takes, and says what for: whoever looks at a pod that does not start reads it in this container's log.
import { setTimeout as sleep } from "node:timers/promises";
import { parseEnv } from "../config.ts";
import { createLogger } from "../telemetry/logger.ts";
import { databaseVariables } from "../variables.ts";
import { pendingMigrations } from "./migrations.ts";
import { prismaFolders } from "./prisma-folders.ts";

const PAUSE_MS = 1_000;

const { databaseUrl } = parseEnv({ databaseUrl: databaseVariables.databaseUrl });
const log = createLogger({ service: "wait-for-migrations" }, "info");
process.on("SIGTERM", () => process.exit(143));

let said = "";
for (let reason = await missing(); reason !== undefined; reason = await missing()) {
  if (reason !== said) log.info({ reason }, "waiting");
  said = reason;
  await sleep(PAUSE_MS);
}

async function missing(): Promise<string | undefined> {
  try {
    for (const { folder, schema } of prismaFolders(process.cwd())) {
      const pending = await pendingMigrations(databaseUrl, folder, schema);
      if (pending.length > 0) return `the migration Job has not applied ${pending.join(", ")} yet`;
    }
    return undefined;
  } catch (error) {
    return `Postgres cannot be asked: ${error instanceof Error ? error.message : String(error)}`;
  }
}
