/** Files that only their owner may read. */
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";

/** Creates the folder where it is missing, and takes everybody else's access away. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

/** Replaces the file as a whole or not at all; a reader sees the old text or the new one. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  try {
    // A draft that a crash left behind would keep its own mode.
    await rm(draft, { force: true });
    await writeFile(draft, text, { mode: 0o600, flag: "wx", flush: true });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
