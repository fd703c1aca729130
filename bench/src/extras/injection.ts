/** What it costs a call that behaviours could be injected and are not. */
import { injection } from "@row/runtime/behaviour/injection.ts";

const TIMES = 20_000_000;
/** Before its handler, with each call that it makes, and with each event that it writes. */
const LOOKS = 3;

/** The looks of one call and of a loop around nothing, in turn, so that what the loop itself takes cancels out. */
export function injectionMicroseconds(): number {
  let [looked, idle, found] = [0, 0, 0];
  // The first pass makes it warm.
  for (let pass = 0; pass < 2; pass += 1) {
    let startedAt = performance.now();
    for (let time = 0; time < TIMES; time += 1) if (injection.active) found += 1;
    looked = performance.now() - startedAt;
    startedAt = performance.now();
    for (let time = 0; time < TIMES; time += 1) if (time < 0) found += 1;
    idle = performance.now() - startedAt;
  }
  if (found > 0) throw new Error("Cannot measure what it costs to inject nothing: something is injected");
  return (Math.max(0, looked - idle) / TIMES) * LOOKS * 1_000;
}
