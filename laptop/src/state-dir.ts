import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";

/** Makes the state folder and its logs folder, readable by their owner alone. */
export function prepareStateDir(stateDir: string): void {
  try {
    mkdirSync(join(stateDir, "logs"), { recursive: true, mode: 0o700 });
    accessSync(stateDir, constants.W_OK);
  } catch (error) {
    const reason = codeOf(error) === "EACCES" || codeOf(error) === "EROFS" ? "it is not writable" : messageOf(error);
    throw new RowError(`Cannot keep state in ${stateDir}: ${reason}. Choose another folder with ROW_STATE_DIR`);
  }
}

export function logFile(stateDir: string, instance: string): string {
  return join(stateDir, "logs", `${instance}.log`);
}
