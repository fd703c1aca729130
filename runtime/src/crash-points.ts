/** Places where tests make a process die, to prove that nothing is lost there. Off unless CRASH_AT names one. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

const armed = process.env.CRASH_AT || undefined;
/** Remembers that it happened, so that the restarted process lives. */
const marker = process.env.CRASH_MARKER || undefined;

/** Kills this process without a chance to clean up when `point` is the one in CRASH_AT; at most once per marker file. */
export function crashPoint(point: string): void {
  if (armed === undefined || armed !== point || !marker) return;
  if (existsSync(marker) && readFileSync(marker, "utf8").includes(point)) return;
  appendFileSync(marker, `${point}\n`);
  process.kill(process.pid, "SIGKILL");
}
