/**
 * Sets a process's wall clock ahead or back while it runs: `node --import` of this file, with the milliseconds in the file that
 * CLOCK_OFFSET_FILE names. As when a machine's clock is set, performance.now() and timers go on as they were.
 */
import { readFileSync, writeFileSync } from "node:fs";

const file = process.env.CLOCK_OFFSET_FILE;
const LOOK_EVERY_MS = 50;
let offsetMs = 0;

function look(): void {
  if (file) offsetMs = Number(readFileSync(file, "utf8")) || 0;
}

const RightDate = Date;
globalThis.Date = new Proxy(RightDate, {
  construct: (target, given, self) =>
    Reflect.construct(target, given.length === 0 ? [RightDate.now() + offsetMs] : given, self),
  apply: () => new RightDate(RightDate.now() + offsetMs).toString(),
  get: (target, name) => (name === "now" ? () => RightDate.now() + offsetMs : Reflect.get(target, name, target)),
});

look();
setInterval(look, LOOK_EVERY_MS).unref();

/** Sets the clock of this process at once, and that of others that look at the same file with their next look. */
export function setClock(ms: number): void {
  if (!file) throw new Error("The clock cannot be set: CLOCK_OFFSET_FILE names no file");
  writeFileSync(file, String(ms));
  look();
}
