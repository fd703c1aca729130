/** Places where tests make a process die, to prove that nothing is lost there. Off unless CRASH_AT or CRASH_LIST is set. */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const armed = process.env.CRASH_AT || undefined;
/** Remembers that it happened, so that the restarted process lives. */
const marker = process.env.CRASH_MARKER || undefined;
/** A file of points, one a line, that a test may change while the process runs; the one hit is taken out of it first. */
const list = process.env.CRASH_LIST || undefined;

/** Kills this process without a chance to clean up when `point` is armed; at most once per marker file or line of the list. */
export function crashPoint(point: string): void {
  if (list !== undefined && takeFromList(list, point)) process.kill(process.pid, "SIGKILL");
  if (armed === undefined || armed !== point || !marker) return;
  if (existsSync(marker) && readFileSync(marker, "utf8").includes(point)) return;
  appendFileSync(marker, `${point}\n`);
  process.kill(process.pid, "SIGKILL");
}

function takeFromList(file: string, point: string): boolean {
  if (!existsSync(file)) return false;
  const points = readFileSync(file, "utf8").split("\n");
  if (!points.includes(point)) return false;
  writeFileSync(`${file}.new`, points.filter((other) => other !== point).join("\n"));
  renameSync(`${file}.new`, file);
  return true;
}
