import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { lastLogLine } from "../supervisor/last-log-line.ts";

/**
 * Runs a service's prisma/seed.ts with the service's environment. A seed may run again without harm; one that has run
 * on this database and has not changed since is left out, because starting a process costs a second.
 */
export async function seed(
  service: ServiceManifest,
  adminUrl: string,
  env: Record<string, string>,
  log: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const file = join(service.folder, "prisma/seed.ts");
  if (!existsSync(file)) return false;
  const mark = `seeded ${fingerprint(join(service.folder, "prisma"))}`;
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    if ((await markOf(admin, service.name)) === mark) return false;
    await runSeed(service, file, env, log, signal);
    await admin.query(`comment on database ${escapeIdentifier(service.name)} is ${escapeLiteral(mark)}`);
    return true;
  } finally {
    await admin.end();
  }
}

// The mark lives with the database, so that it disappears with it.
async function markOf(admin: Client, database: string): Promise<string | undefined> {
  const { rows } = await admin.query<{ mark: string | null }>(
    "select shobj_description(oid, 'pg_database') as mark from pg_database where datname = $1",
    [database],
  );
  return rows[0]?.mark ?? undefined;
}

function runSeed(
  service: ServiceManifest,
  file: string,
  env: Record<string, string>,
  log: string,
  signal?: AbortSignal,
): Promise<void> {
  const fd = openSync(log, "a", 0o600);
  const child = spawn(process.execPath, [file], { cwd: service.folder, env, signal, stdio: ["ignore", fd, fd] });
  closeSync(fd);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new RowError(
            `Cannot seed ${service.name} (${signal ?? `exit code ${code}`}): ${lastLogLine(log) ?? "no output"}\nIts log is ${log}`,
          ),
        );
    });
  });
}

function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort((a, b) =>
    join(a.parentPath, a.name).localeCompare(join(b.parentPath, b.name)),
  )) {
    if (entry.isFile()) hash.update(entry.name).update(readFileSync(join(entry.parentPath, entry.name)));
  }
  return hash.digest("hex").slice(0, 16);
}
