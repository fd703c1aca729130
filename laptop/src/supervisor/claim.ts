/** A file that at most one process that is alive holds. */
import { linkSync, rmSync, writeFileSync } from "node:fs";
import { codeOf } from "@row/topology/row-error.ts";

export interface Claim {
  release(): void;
}

/** @param refuse throws while whoever holds the file has a right to it; a file that it lets pass is taken over */
export function claimFile(file: string, content: object, refuse: () => void): Claim {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(content), { mode: 0o600 });
  try {
    for (;;) {
      try {
        // Unlike a plain write, a link appears complete or not at all.
        linkSync(mine, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
        refuse();
        rmSync(file, { force: true });
      }
    }
  } finally {
    rmSync(mine, { force: true });
  }
}
