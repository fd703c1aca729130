/** `row backup`: everything that a shop cannot make anew, in one file. */
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pack } from "@row/laptop/backup/archive.ts";
import { copyCluster } from "@row/laptop/backup/copy-cluster.ts";
import { copyTree } from "@row/laptop/backup/copy-files.ts";
import { whileHeld } from "@row/laptop/backup/hold.ts";
import { CLUSTER, outsideFolders, REDIS_LOG, SINGLE_FILES } from "@row/laptop/backup/layout.ts";
import { describeFiles, FILES, MANIFEST } from "@row/laptop/backup/manifest.ts";
import { appliedMigrations } from "@row/laptop/backup/migrations.ts";
import { adminUrlOf, withOwnPostgres } from "@row/laptop/backup/own-postgres.ts";
import type { Installation } from "@row/laptop/installation.ts";
import { postgresHome } from "@row/laptop/stores/postgres-home.ts";
import { askStatus } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf, takeLock } from "@row/laptop/supervisor/lock.ts";
import { stopLeftovers } from "@row/laptop/supervisor/run-record.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";
import { discoverServices, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { Command } from "commander";

export function backupCommand(here: () => Installation): Command {
  return new Command("backup")
    .description("write everything that a shop cannot make anew into a file; the shop may run meanwhile")
    .argument("<file>", "such as shop.tar; readable by its owner alone, for it holds the shop's secrets")
    .action((file: string) => backup(here(), file));
}

interface Source {
  installation: Installation;
  services: ServiceManifest[];
  adminUrl: (database?: string) => string;
  /** Processes of the outside world that run. */
  outside: number[];
}

/** Writes everything that a shop cannot make anew into one file, as it is at one instant; the shop may run meanwhile. */
export async function backup(installation: Installation, path: string): Promise<void> {
  const { stateDir } = installation;
  const file = resolve(path);
  if (existsSync(file)) throw new RowError(`Cannot write ${file}: it is there already`);
  if (!existsSync(join(stateDir, "secrets.json")) || !existsSync(postgresHome(stateDir).data))
    throw new RowError(`Cannot back up ${stateDir}: there is no shop in it`);
  const services = discoverServices(installation.root);
  if (supervisorOf(stateDir)) {
    const { processes } = await askStatus(stateDir);
    const running = new Set(outsideFolders(services));
    const outside = processes.flatMap(({ name, pid }) => (running.has(name) && pid !== null ? [pid] : []));
    await write({ installation, services, adminUrl: adminUrlOf(installation), outside }, file);
  } else {
    const lock = takeLock(stateDir);
    try {
      await stopLeftovers(stateDir);
      await withOwnPostgres(installation, (adminUrl) => write({ installation, services, adminUrl, outside: [] }, file));
    } finally {
      lock.release();
    }
  }
  const { size } = await stat(file);
  console.log(`Wrote ${file} (${Math.ceil(size / 1024 / 1024)} MiB)`);
  console.log("It holds the shop's passwords and keys: keep it where only you can read it.");
}

async function write(source: Source, file: string): Promise<void> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new RowError("Stopped before the backup was whole"));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(dirname(file), ".row-backup-"));
    const staged = join(folder, FILES);
    await gather(source, staged, interrupted.signal);
    const about = {
      postgres: (await readFile(join(staged, CLUSTER, "PG_VERSION"), "utf8")).trim(),
      migrations: await appliedMigrations(source.adminUrl, source.services),
    };
    const manifest = await describeFiles(staged, about, new Date());
    await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    interrupted.signal.throwIfAborted();
    const whole = join(folder, "whole.tar");
    await writeFile(whole, "", { mode: 0o600 });
    await pack(folder, MANIFEST, FILES, whole);
    await rename(whole, file);
  } catch (error) {
    if (error instanceof RowError) throw error;
    throw new RowError(`Cannot write ${file}: ${reasonOf(error)}`);
  } finally {
    if (folder) await rm(folder, { recursive: true, force: true });
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

async function gather({ installation, services, adminUrl, outside }: Source, to: string, signal: AbortSignal) {
  const { stateDir } = installation;
  const everything = () => false;
  await mkdir(join(to, "mesh"), { recursive: true, mode: 0o700 });
  for (const file of SINGLE_FILES)
    if (existsSync(join(stateDir, file))) await copyFile(join(stateDir, file), join(to, file));
  await copyRedisLog(join(stateDir, REDIS_LOG.folder), join(to, REDIS_LOG.folder), signal);
  const atTheEnd = (finish: () => Promise<void>) =>
    // What the outside world was asked to do, the databases know of; and they know no answer that its log lacks.
    whileHeld(outside, async () => {
      await finish();
      for (const name of outsideFolders(services))
        await copyTree(join(stateDir, name), join(to, name), everything, signal);
    });
  await copyCluster(adminUrl(), postgresHome(stateDir).data, join(to, CLUSTER), atTheEnd, signal);
}

// Its files only grow, but now and then a shorter one takes their place.
async function copyRedisLog(from: string, to: string, signal: AbortSignal): Promise<void> {
  const index = () => readFile(join(from, REDIS_LOG.index), "utf8").catch(() => "");
  for (let before = await index(); before !== ""; ) {
    await rm(to, { recursive: true, force: true });
    await copyTree(from, to, () => false, signal);
    const now = await index();
    if (now === before) return;
    before = now;
  }
}

function reasonOf(error: unknown): string {
  const known: Record<string, string> = {
    ENOENT: "its folder is not there",
    EACCES: "its folder is not writable",
    ENOSPC: "there is no space left",
  };
  // Of a socket the same codes mean that nobody listens there.
  const isOfSocket = error instanceof Error && "syscall" in error && error.syscall === "connect";
  return (isOfSocket ? undefined : known[codeOf(error) ?? ""]) ?? messageOf(error);
}
