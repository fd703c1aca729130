import { openSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";

// A unix socket's address holds 108 bytes on Linux and 104 on macOS, the final zero included.
const LONGEST = 103;

const openFolders = new Map<string, number>();

/** The address of a shop's control socket, in the state folder. */
export function controlSocket(stateDir: string): string {
  const path = join(stateDir, "control.sock");
  if (Buffer.byteLength(path) <= LONGEST) return path;
  if (process.platform !== "linux")
    throw new RowError(`The path ${stateDir} is too long for a socket: choose a shorter one with ROW_STATE_DIR`);
  // A folder held open is reachable under a short name.
  const fd = openFolders.get(stateDir) ?? openSync(stateDir, "r");
  openFolders.set(stateDir, fd);
  return `/proc/self/fd/${fd}/control.sock`;
}
