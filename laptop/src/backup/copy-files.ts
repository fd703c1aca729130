import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "@row/topology/row-error.ts";

/**
 * Copies a folder that somebody may be writing to: what disappears meanwhile is left out. `skip` is asked with the path
 * inside the folder, "base/1/2619".
 */
export async function copyTree(
  from: string,
  to: string,
  skip: (path: string) => boolean,
  signal: AbortSignal,
  path = "",
): Promise<void> {
  await mkdir(join(to, path), { recursive: true, mode: 0o700 });
  const entries = await unlessGone(readdir(join(from, path), { withFileTypes: true }));
  for (const entry of entries ?? []) {
    signal.throwIfAborted();
    const inside = path === "" ? entry.name : `${path}/${entry.name}`;
    if (skip(inside)) continue;
    if (entry.isDirectory()) await copyTree(from, to, skip, signal, inside);
    else if (entry.isFile()) await unlessGone(copyFile(join(from, inside), join(to, inside)));
  }
}

async function unlessGone<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
