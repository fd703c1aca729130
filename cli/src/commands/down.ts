/** `row down`: stops everything and leaves the data. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Installation } from "@row/laptop/installation.ts";
import { askStop } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { stopLeftovers } from "@row/laptop/supervisor/run-record.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";

export function downCommand(here: () => Installation): Command {
  return new Command("down").description("stop everything; data stays").action(() => down(here()));
}

export async function down({ stateDir }: Installation): Promise<void> {
  const stopped = await stopEverything(stateDir);
  if (stopped === "running") console.log("The shop is stopped.");
  else if (stopped === "nothing") console.log("The shop is not running.");
  else console.log(`Stopped what an earlier run left behind: ${stopped.join(", ")}`);
}

const PATIENCE_MS = 60_000;

/** Stops the supervisor and its processes, or what is left of them without a supervisor. */
export async function stopEverything(stateDir: string): Promise<"running" | "nothing" | string[]> {
  const supervisor = supervisorOf(stateDir);
  if (!supervisor) {
    const leftovers = await stopLeftovers(stateDir);
    return leftovers.length > 0 ? leftovers : "nothing";
  }
  await askStop(stateDir).catch(() => process.kill(supervisor.pid, "SIGTERM"));
  const end = performance.now() + PATIENCE_MS;
  while (supervisorOf(stateDir)) {
    if (performance.now() > end)
      throw new RowError(`The shop (pid ${supervisor.pid}) does not stop: see ${stateDir}/logs/row.log`);
    await sleep(50);
  }
  return "running";
}
