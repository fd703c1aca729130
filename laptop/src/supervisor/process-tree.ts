/** Which processes a process has started, and they in turn. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** The process, then its children, then theirs. */
export function withDescendants(pid: number): number[] {
  const parents = parentsByPid();
  const found = [pid];
  // Grows while it is walked.
  for (const parent of found) for (const [child, its] of parents) if (its === parent) found.push(child);
  return found;
}

function parentsByPid(): Map<number, number> {
  return process.platform === "linux" ? parentsOnLinux() : parentsElsewhere();
}

function parentsOnLinux(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // The program's name, in parentheses, may itself hold spaces and parentheses.
      const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(Number(name), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  return parents;
}

function parentsElsewhere(): Map<number, number> {
  const { stdout } = spawnSync("ps", ["-axo", "pid=,ppid="], { encoding: "utf8" });
  const rows = (stdout ?? "").trim().split("\n");
  return new Map(rows.map((row) => row.trim().split(/\s+/).map(Number)).map(([pid = 0, parent = 0]) => [pid, parent]));
}
