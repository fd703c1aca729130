import { readFileSync } from "node:fs";

/** Linux counts CPU time in ticks of this length, whatever the kernel's own clock is. */
const TICKS_PER_SECOND = 100;

/** The process and everything below it. */
export function processTree(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(processTree)];
}

/** CPU seconds that a process has used so far, with those of all its children, also of the ones that are gone. */
export function cpuSeconds(pid: number): number {
  return processTree(pid).reduce((sum, one) => sum + ownCpuSeconds(one), 0);
}

function ownCpuSeconds(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is a name in parentheses that may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system, goneUser, goneSystem] = fields.slice(11, 15).map(Number);
  return ((user ?? 0) + (system ?? 0) + (goneUser ?? 0) + (goneSystem ?? 0)) / TICKS_PER_SECOND;
}

/** Proportional set size of a process and everything below it, in MB; 0 where it cannot be read. */
export function pssMegabytes(pid: number): number {
  const kilobytes = processTree(pid).map((one) =>
    Number(/^Pss: +(\d+)/m.exec(read(`/proc/${one}/smaps_rollup`))?.[1] ?? 0),
  );
  return kilobytes.reduce((sum, size) => sum + size, 0) / 1024;
}

// A process may end between being listed and being read.
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
