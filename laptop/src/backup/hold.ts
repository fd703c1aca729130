import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RowError } from "@row/topology/row-error.ts";

const PATIENCE_MS = 2_000;

/** Freezes processes while something is done, some hundredths of a second, in which they neither hear nor answer. */
export async function whileHeld(pids: readonly number[], act: () => Promise<void>): Promise<void> {
  // Whoever ended this process now would leave them frozen.
  const later = () => {};
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, later);
  try {
    for (const pid of pids) signal(pid, "SIGSTOP");
    const end = performance.now() + PATIENCE_MS;
    while (!pids.every(isStopped)) {
      if (performance.now() > end)
        throw new RowError(`Cannot hold process ${pids.join(", ")} for a moment: it goes on running`);
      await sleep(1);
    }
    await act();
  } finally {
    for (const pid of pids) signal(pid, "SIGCONT");
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, later);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself, which holds it as well.
  }
}

function isStopped(pid: number): boolean {
  try {
    if (process.platform !== "linux")
      return /^[TZ]/.test(execFileSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" }).trim());
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return /[TtZX]/.test(stat.charAt(stat.lastIndexOf(")") + 2));
  } catch {
    return true;
  }
}
