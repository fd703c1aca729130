import { spawn } from "node:child_process";
import { chownSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import { Client } from "pg";
import type { Secrets } from "../secrets.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec } from "../supervisor/supervised-process.ts";
import { type PostgresHome, postgresHome, prepareHome } from "./postgres-home.ts";

export const POSTGRES_ADMIN = "row";

/** Makes the cluster on the first run and answers how to run it. */
export async function preparePostgres(
  stateDir: string,
  port: number,
  secrets: Secrets,
  { isThrowaway = false }: { isThrowaway?: boolean } = {},
): Promise<ProcessSpec> {
  const home = postgresHome(stateDir);
  prepareHome(home, stateDir, secrets.get("installation"));
  if (!existsSync(join(home.data, "PG_VERSION")))
    await initialise(home, secrets.get(`postgres/${POSTGRES_ADMIN}`), isThrowaway ? ["--no-sync"] : []);
  const settings = [
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${socketFolder(stateDir, port) ?? ""}`,
    "max_connections=200",
    // Without it only a crash of the whole machine loses anything: what processes wrote survives them.
    `fsync=${isThrowaway ? "off" : "on"}`,
    // Outboxes and sagas change quickly: what is dead must not pile up between two vacuums.
    "autovacuum_naptime=10s",
    // There is no disk any more whose head must move: an index pays from a few pages on.
    "random_page_cost=1.1",
    "password_encryption=scram-sha-256",
    "log_timezone=UTC",
    "timezone=UTC",
  ];
  const adminUrl = postgresUrl(POSTGRES_ADMIN, secrets, port, "postgres");
  return {
    name: "postgres",
    service: "postgres",
    version: readFileSync(join(home.data, "PG_VERSION"), "utf8").trim(),
    command: join(home.programs, "bin/postgres"),
    args: ["-D", home.data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    cwd: home.folder,
    env: environment(home),
    addresses: { postgres: `127.0.0.1:${port}` },
    logFile: logFile(stateDir, "postgres"),
    isReady: () => answers(adminUrl),
    isAlive: () => answers(adminUrl, COMMIT),
    user: home.user,
    // Fast shutdown: SIGTERM would wait for every client to go.
    stopSignal: "SIGINT",
    stopMs: 20_000,
  };
}

/** Over TCP, which works from everywhere on this machine. */
export function postgresUrl(role: string, secrets: Secrets, port: number, database = role): string {
  return `postgresql://${role}:${secrets.get(`postgres/${role}`)}@127.0.0.1:${port}/${database}`;
}

/** The same through a unix socket where there is one: a statement then costs both sides less. */
export function postgresSocketUrl(
  role: string,
  secrets: Secrets,
  port: number,
  stateDir: string,
  database = role,
): string {
  const folder = socketFolder(stateDir, port);
  const url = postgresUrl(role, secrets, port, database);
  return folder ? `${url}?host=${encodeURIComponent(folder)}` : url;
}

const LONGEST_SOCKET_PATH = 103; // bytes, on macOS; Linux has 107

/** Nobody but the owner and Postgres may enter it; undefined when a state folder's path is too long for a socket. */
function socketFolder(stateDir: string, port: number): string | undefined {
  const { folder } = postgresHome(stateDir);
  return Buffer.byteLength(`${folder}/.s.PGSQL.${port}`) <= LONGEST_SOCKET_PATH ? folder : undefined;
}

/** Deletes the cluster's files, wherever they are. */
export function removePostgres(stateDir: string): void {
  rmSync(postgresHome(stateDir).folder, { recursive: true, force: true });
}

async function initialise(home: PostgresHome, password: string, options: readonly string[]): Promise<void> {
  // What an interrupted first run left cannot be continued.
  rmSync(home.data, { recursive: true, force: true });
  const passwordFile = join(home.folder, "password");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (home.user) chownSync(passwordFile, home.user.uid, home.user.gid);
  const args = [
    `--pgdata=${home.data}`,
    `--username=${POSTGRES_ADMIN}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--set=timezone=UTC",
    ...options,
  ];
  try {
    await run(join(home.programs, "bin/initdb"), args, home);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function run(program: string, args: string[], home: PostgresHome): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: home.folder,
      env: environment(home),
      stdio: ["ignore", "ignore", "pipe"],
      ...home.user,
    });
    let complaint = "";
    child.stderr.on("data", (chunk) => {
      complaint += chunk;
    });
    child.once("error", (error) => reject(new RowError(`Cannot make the Postgres cluster: ${error.message}`)));
    child.once("close", (code) => {
      const lines = complaint.trim().split("\n");
      const reason = lines.find((line) => /error|could not|cannot/i.test(line)) ?? lines.at(-1);
      if (code === 0) resolve();
      else reject(new RowError(`Cannot make the Postgres cluster in ${home.data}: ${reason}`));
    });
  });
}

function environment({ programs }: PostgresHome): Record<string, string> {
  const libraries = join(programs, "lib");
  return { LC_ALL: "C", TZ: "UTC", LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries };
}

/** A commit that has to reach the disk, and leaves nothing in a table. */
const COMMIT = "select pg_logical_emit_message(true, 'row', 'probe')";

async function answers(url: string, query = "select 1"): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 3_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(query);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
