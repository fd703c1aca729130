/**
 * A Postgres cluster that is made once and then copied, because initdb takes longer than the server's start. Each of the processes that
 * run test files at the same time makes its own, so that nobody waits for anybody.
 */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Secrets } from "@row/laptop/secrets.ts";
import { prepareStateDir } from "@row/laptop/state-dir.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { POSTGRES_ADMIN, preparePostgres } from "@row/laptop/stores/postgres.ts";
import { postgresHome, prepareHome } from "@row/laptop/stores/postgres-home.ts";

const { ROW_TEST_FOLDER, VITEST_POOL_ID = "0" } = process.env;
/** The one password that stands in a cluster's files. */
const PASSWORD = `postgres/${POSTGRES_ADMIN}`;

/** Puts a cluster into a new state folder, as preparePostgres would; all else that is generated there is the folder's own. */
export async function copyCluster(stateDir: string): Promise<void> {
  // Outside of a test run nobody would delete what is copied from.
  if (ROW_TEST_FOLDER === undefined) return;
  const original = join(ROW_TEST_FOLDER, `cluster-${VITEST_POOL_ID}`);
  if (!existsSync(original)) await makeCluster(original);
  prepareStateDir(stateDir);
  copyFileSync(join(original, "secrets.json"), join(stateDir, "secrets.json"));
  const home = postgresHome(stateDir);
  prepareHome(home, stateDir, new Secrets(stateDir).get("installation"));
  await copyFolder(join(original, "data"), home.data);
}

/** Appears complete or not at all. */
async function makeCluster(folder: string): Promise<void> {
  const stateDir = mkdtempSync(join(tmpdir(), "row-cluster-"));
  const unfinished = `${folder}.unfinished`;
  try {
    prepareStateDir(stateDir);
    const secrets = new Secrets(stateDir);
    await preparePostgres(stateDir, 0, secrets, { isThrowaway: true });
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    await copyFolder(postgresHome(stateDir).data, join(unfinished, "data"));
    writeFileSync(join(unfinished, "secrets.json"), JSON.stringify({ [PASSWORD]: secrets.get(PASSWORD) }), {
      mode: 0o600,
    });
    renameSync(unfinished, folder);
  } finally {
    removeState(stateDir);
  }
}

/** With owners and modes, which Postgres insists on. */
async function copyFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)("cp", ["-a", from, to]);
}
