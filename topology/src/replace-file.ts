/** Writes a file of the owner's so that whoever reads it meanwhile, or after a crash, has all of the old text or all of the new. */
import { renameSync, writeFileSync } from "node:fs";

export function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
