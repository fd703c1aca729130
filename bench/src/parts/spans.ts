import { setTimeout as sleep } from "node:timers/promises";
import { PORTS } from "../ports.ts";

/** Longer than the shop gathers spans before it sends them. */
const EXPORTED_WITHIN_MS = 6_000;

/** How many spans have arrived at the sink so far. */
export async function spansArrived(): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${PORTS.spanSink}`)).text());
}

/** Waits until the spans of what was done so far have been sent, and answers how many have arrived. */
export async function allSpansArrived(): Promise<number> {
  await sleep(EXPORTED_WITHIN_MS);
  return spansArrived();
}
