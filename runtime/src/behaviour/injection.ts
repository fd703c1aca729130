/**
 * What is injected into this process. Off unless BEHAVIOUR_FILE is set, which only who runs the process can do, and that file says
 * otherwise: then nothing of it is reached, and a call costs the look at one field.
 */
import { currentCall } from "../call.ts";
import { followFile } from "../followed-file.ts";
import { versionOf } from "../names.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { ActiveBehaviours } from "./active-behaviours.ts";
import { readBehaviourFile } from "./behaviour-file.ts";
import { seededRandom } from "./seeded-random.ts";

interface FollowOptions {
  readonly path: string;
  /** "catalog/v2/catalog-v2-1" */
  readonly servedBy: string;
  readonly log: Logger;
  readonly telemetry: Pick<Telemetry, "meter">;
}

class Injection {
  /** Undefined while nothing is injected. */
  active: ActiveBehaviours | undefined;
  #end: NodeJS.Timeout | undefined;

  /** Does what a file says, and says so in the log; the returned function ends that. */
  follow({ path, servedBy, log, telemetry }: FollowOptions): () => void {
    const injected = telemetry.meter.createCounter("behaviour.injected", {
      description: "Calls, events and work that were spoiled on purpose",
    });
    const version = versionOf(servedBy);
    const read = () => {
      try {
        const orders = readBehaviourFile(path);
        this.#stop();
        if (!orders || orders.behaviours.length === 0) return log.info("nothing is injected");
        const { behaviours, remainingMs, seed } = orders;
        if (remainingMs !== undefined && remainingMs <= 0) return log.info("nothing is injected any more");
        this.active = new ActiveBehaviours({
          behaviours,
          // Instances of a version draw different numbers.
          random: seededRandom(`${seed} ${servedBy}`),
          version,
          onInjected: (behaviour) => injected.add(1, { behaviour }),
        });
        const texts = behaviours.map(({ text }) => text);
        log.warn({ injected: texts, remainingMs, seed }, "injected: this process misbehaves on purpose");
        if (remainingMs !== undefined) this.#end = setTimeout(read, Math.min(remainingMs, LONGEST_TIMER_MS)).unref();
      } catch (err) {
        this.#stop();
        log.error({ err, file: path }, "the behaviour file cannot be used: nothing is injected");
      }
    };
    const stopFollowing = followFile(path, read, (err) =>
      log.error({ err, file: path }, "the behaviour file is not followed"),
    );
    read();
    return () => {
      stopFollowing();
      this.#stop();
    };
  }

  #stop(): void {
    clearTimeout(this.#end);
    this.active?.close();
    this.active = undefined;
  }
}

/** What Node's timers can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Of this process. */
export const injection = new Injection();

/**
 * Whether this piece of work is to be done with the bug of this name. The one place where business code asks for what is injected;
 * the answer of the current call then says that it was.
 */
export function hasBug(name: string): boolean {
  const label = injection.active?.withBug(name);
  if (label === undefined) return false;
  currentCall()?.markInjected?.(label);
  return true;
}
