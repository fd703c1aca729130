// Stops what test files that were cut off left running, and deletes what they left behind.
import { globSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { stopLeftovers } from "@row/laptop/supervisor/run-record.ts";

export async function tidyUp(folder: string): Promise<void> {
  for (const record of globSync("**/processes.json", { cwd: folder })) {
    const stateDir = join(folder, dirname(record));
    await stopLeftovers(stateDir);
    removeState(stateDir);
  }
  rmSync(folder, { recursive: true, force: true });
}
