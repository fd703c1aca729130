import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import { LONGEST_VERSION } from "./version-name.ts";

// A unix socket's address holds 104 bytes on macOS and 108 on Linux, the final zero included. HAProxy binds a name
// that ends in ".<pid>.tmp" first and renames it.
const LONGEST_PATH = 103 - ".4194304.tmp".length;

/** Where the unix sockets of a shop are: in its state folder, or under a short name of its own where that path is too long. */
export function socketFolder(stateDir: string, services: string[]): string {
  const longest = Math.max(0, ...services.map((name) => Buffer.byteLength(name)));
  const instance = longest + LONGEST_VERSION + "--99".length;
  const inside = instance + longest + "//to-.sock".length;
  const own = join(stateDir, "run");
  return Buffer.byteLength(own) + inside <= LONGEST_PATH ? own : shortFolder(stateDir);
}

function shortFolder(stateDir: string): string {
  return join("/tmp", `row-${createHash("sha256").update(stateDir).digest("hex").slice(0, 16)}`);
}

/** Deletes what a shop that was killed left outside of its state folder. */
export function removeSocketFolder(stateDir: string): void {
  rmSync(shortFolder(stateDir), { recursive: true, force: true });
}

/** Makes the folder anew and empty, for its owner alone; refuses one that is somebody else's. */
export function makeSocketFolder(folder: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found && (!found.isDirectory() || found.uid !== process.getuid?.())) {
    throw new RowError(`Cannot keep sockets in ${folder}: it belongs to somebody else. Choose another ROW_STATE_DIR`);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}
