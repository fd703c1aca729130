/** `row restore`: a shop as a backup says. */
import { chownSync, cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { unpack } from "@row/laptop/backup/archive.ts";
import { CLUSTER, outsideFolders, REDIS_LOG, SINGLE_FILES } from "@row/laptop/backup/layout.ts";
import { FILES, findDamage, MANIFEST, type Manifest, readManifest, VERSION } from "@row/laptop/backup/manifest.ts";
import { unknownMigrations } from "@row/laptop/backup/migrations.ts";
import type { Installation } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { forgetCheckouts } from "@row/laptop/sidecars/checkout.ts";
import type { Deployment } from "@row/laptop/sidecars/deployments.ts";
import { prepareStateDir } from "@row/laptop/state-dir.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { postgresHome, postgresMajor, prepareHome } from "@row/laptop/stores/postgres-home.ts";
import { supervisorOf, takeLock } from "@row/laptop/supervisor/lock.ts";
import { stopLeftovers } from "@row/laptop/supervisor/run-record.ts";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { Command } from "commander";

export function restoreCommand(here: () => Installation): Command {
  return new Command("restore")
    .description("make a shop what a backup says; start it afterwards")
    .argument("<file>", "what `npx row backup FILE` wrote")
    .option("--force", "replace the shop that is there, with all of its data")
    .action((file: string, options: { force?: boolean }) => restore(here(), file, options));
}

/** Makes the state folder what a backup says. Nothing is touched before the backup is known to be whole and of use. */
export async function restore(installation: Installation, path: string, { force }: { force?: boolean }): Promise<void> {
  const { root, stateDir } = installation;
  const file = resolve(path);
  if (!existsSync(file)) throw new RowError(`Cannot restore ${file}: there is no such file`);
  const running = supervisorOf(stateDir);
  if (running)
    throw new RowError(
      `Cannot restore into ${stateDir}: its shop is running (pid ${running.pid}). Stop it with \`npx row down\``,
    );
  if (!force && holdsSomething(stateDir))
    throw new RowError(
      `Cannot restore into ${stateDir}: there is a shop in it. Choose another folder with ROW_STATE_DIR, or replace it with --force`,
    );
  const services = discoverServices(root);
  await mkdir(dirname(stateDir), { recursive: true });
  const folder = await mkdtemp(join(dirname(stateDir), ".row-restore-"));
  try {
    const manifest = await open(file, folder, services, root);
    if (existsSync(stateDir)) await stopLeftovers(stateDir);
    removeState(stateDir);
    await forgetCheckouts(root);
    try {
      await place(installation, join(folder, FILES), services);
    } catch (error) {
      removeState(stateDir);
      throw error;
    }
    console.log(`Restored the shop of ${manifest.madeTime} into ${stateDir}: start it with "npm start"`);
    for (const line of codeToDeployAgain(stateDir)) console.log(line);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function holdsSomething(stateDir: string): boolean {
  return existsSync(stateDir) && readdirSync(stateDir).some((name) => name !== "logs");
}

/** Unpacks a backup and refuses one that this code cannot go on with. */
async function open(file: string, folder: string, services: ServiceManifest[], root: string): Promise<Manifest> {
  const refuse = (reason: string) => new RowError(`Cannot restore ${file}: ${reason}`);
  await unpack(file, MANIFEST, folder);
  const manifest = await readManifest(folder);
  if (!manifest) throw refuse("it is not a backup that `npx row backup FILE` made, or its beginning is lost");
  if (manifest.version > VERSION)
    throw refuse(`it is of format ${manifest.version}, and this checkout reads up to ${VERSION}: use a newer checkout`);
  const major = postgresMajor();
  if (manifest.postgres !== major)
    throw refuse(`it is of Postgres ${manifest.postgres}, and this checkout has ${major}`);
  const unknown = unknownMigrations(manifest.migrations, services, root);
  if (unknown.length > 0) {
    const more = unknown.length > 1 ? ` and ${unknown.length - 1} more` : "";
    throw refuse(`it is of newer code, which had ${unknown[0]}${more}: use that checkout, or a newer one`);
  }
  const complaint = await unpack(file, FILES, folder);
  const damage = complaint ?? (await findDamage(join(folder, FILES), manifest));
  if (damage) throw refuse(`it is damaged, or not all of it is there (${damage})`);
  return manifest;
}

async function place(installation: Installation, from: string, services: ServiceManifest[]): Promise<void> {
  const { stateDir } = installation;
  prepareStateDir(stateDir);
  const lock = takeLock(stateDir);
  try {
    for (const path of [...SINGLE_FILES, REDIS_LOG.folder, ...outsideFolders(services)]) {
      if (existsSync(join(from, path))) cpSync(join(from, path), join(stateDir, path), { recursive: true });
    }
    const home = postgresHome(stateDir);
    prepareHome(home, stateDir, new Secrets(stateDir).get("installation"));
    cpSync(join(from, CLUSTER), home.data, { recursive: true });
    await chmod(home.data, 0o700);
    if (home.user) giveTo(home.data, home.user);
    // Streams start empty: with the first start every outbox publishes again what it still has.
  } finally {
    lock.release();
  }
}

function giveTo(folder: string, { uid, gid }: { uid: number; gid: number }): void {
  chownSync(folder, uid, gid);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    chownSync(join(entry.parentPath, entry.name), uid, gid);
}

// A checkout that was made from a git reference was in the state folder, and is gone with it.
function codeToDeployAgain(stateDir: string): string[] {
  const file = join(stateDir, "mesh", "deployments.json");
  const deployments: Deployment[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  return deployments.flatMap(({ service, version, replicas, from, asked }) =>
    from === undefined || existsSync(from)
      ? []
      : [
          `The code of ${service} ${version} is not in it: \`npx row deploy ${service} --version ${version} --replicas ${replicas} --from ${asked ?? from}\``,
        ],
  );
}
