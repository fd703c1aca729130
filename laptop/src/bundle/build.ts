/** Bundles the programs of a checkout into a folder, which appears complete or not at all. */
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { compile, type Sources } from "./compile.ts";

/** Throws where a checkout cannot be bundled. */
export async function bundle(checkout: string, programs: Sources, folder: string): Promise<void> {
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  try {
    await compile(checkout, programs, unfinished);
    symlinkSync(join(checkout, "node_modules"), join(unfinished, "node_modules"));
    rmSync(folder, { recursive: true, force: true });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
