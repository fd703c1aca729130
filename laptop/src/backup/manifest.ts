import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** What a backup says of itself, in the file that comes first in it. */
export interface Manifest {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly madeTime: string;
  /** The major version of Postgres, whose files it holds. */
  readonly postgres: string;
  /** The migrations that each database has had, by schema. */
  readonly migrations: Migrations;
  readonly files: readonly FileEntry[];
}

/** By database and schema: `{ orders: { runtime: ["20261101000000_runtime"], public: [...] } }`. */
export type Migrations = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

interface FileEntry {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export const MANIFEST = "backup.json";
/** The folder beside it that holds the files. */
export const FILES = "files";
const FORMAT = "canary-row-backup";
/** To be raised when an older `row` could not restore what is written now. */
export const VERSION = 1;

/** Describes the files of a folder. */
export async function describeFiles(
  folder: string,
  about: { postgres: string; migrations: Migrations },
  madeTime: Date,
): Promise<Manifest> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files: FileEntry[] = [];
  for (const path of paths.sort()) files.push({ path: path.slice(folder.length + 1), ...(await measure(path)) });
  return { format: FORMAT, version: VERSION, madeTime: madeTime.toISOString(), ...about, files };
}

/** The manifest in a folder; undefined where there is none. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), "utf8"));
    return manifest?.format === FORMAT && Number.isInteger(manifest.version) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** The first file that is missing or not what it was, with what is wrong with it. */
export async function findDamage(folder: string, { files }: Manifest): Promise<string | undefined> {
  for (const { path, bytes, sha256 } of files) {
    const file = join(folder, path);
    const found = await stat(file).catch(() => undefined);
    if (!found) return `${path} is missing`;
    if (found.size !== bytes) return `${path} has ${found.size} of ${bytes} bytes`;
    if ((await measure(file)).sha256 !== sha256) return `${path} was changed`;
  }
  return undefined;
}

async function measure(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  const stream = createReadStream(file);
  await pipeline(stream, hash);
  return { bytes: stream.bytesRead, sha256: hash.digest("hex") };
}
