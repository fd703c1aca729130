import { Countdown, within } from "./countdown.ts";
import type { Logger } from "./telemetry/logger.ts";

/** No stop takes longer; whoever asks for one waits longer (`stopMs` of row's supervisor, GRACE_SECONDS in k8s). */
export const STOP_MS = 9_000;
const PLANNED_MS = STOP_MS - 500;
/** What keeps to its time may end a moment after it. */
const TOLERATED_MS = 100;

/** The parts of a stop, each with the milliseconds that it may take. */
export interface Stop {
  /** Ends what works in the background, and takes no more events. */
  work(ms: number): Promise<unknown>;
  /** Lets calls in flight end. */
  calls(ms: number): Promise<unknown>;
  /** Publishes what is in the outbox. */
  events(ms: number): Promise<unknown>;
  /** Closes what the others needed. */
  connections(ms: number): Promise<unknown>;
}

/**
 * The order of the parts, how long each takes at most, and what the ones before have to leave it. A part may have what others did
 * not need, so that one slow part ends well, and several at once still leave time to publish.
 */
const PARTS = [
  { name: "work", atMost: 4_000, kept: 0 },
  { name: "calls", atMost: 5_000, kept: 1_500 },
  { name: "events", atMost: 3_000, kept: 2_000 },
  { name: "connections", atMost: 2_000, kept: 1_000 },
] as const;

/** Stops a process by its parts, within STOP_MS whatever they do: one that takes too long is left behind. */
export async function stopInTime(log: Logger, stop: Stop): Promise<void> {
  const time = new Countdown(PLANNED_MS);
  for (const [index, { name, atMost }] of PARTS.entries()) {
    const kept = PARTS.slice(index + 1).reduce((sum, later) => sum + later.kept, 0);
    const ms = time.share(atMost, kept);
    if (!(await within(ms + TOLERATED_MS, stop[name](ms)))) {
      log.warn({ part: name, ms: Math.round(ms) }, "a part of the stop takes too long, and is left behind");
    }
  }
}
