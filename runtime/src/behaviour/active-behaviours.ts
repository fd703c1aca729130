/** The behaviours that a process has just now, and what each does at the moments that it can reach. */
import { setTimeout as sleep } from "node:timers/promises";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { MethodContract } from "../contract.ts";
import type { Behaviour, BehaviourName, BehaviourOf } from "./catalogue.ts";
import { InjectedFailure } from "./injected-failure.ts";
import { Leak } from "./leak.ts";

/** A call that may be spoiled. */
interface SpoiledCall {
  readonly method: MethodContract;
  readonly signal: AbortSignal;
  /** Has its answer, span and log line say what was injected. */
  markInjected(label: string): void;
}

interface Setup {
  readonly behaviours: readonly Behaviour[];
  /** Draws numbers from 0 up to, and without, 1. */
  readonly random: () => number;
  /** "catalog/v2" */
  readonly version: string;
  /** Told each time that something is injected, for metrics. */
  readonly onInjected: (name: BehaviourName) => void;
}

export class ActiveBehaviours {
  readonly behaviours: readonly Behaviour[];
  readonly #setup: Setup;
  readonly #leaks: readonly Leak[];
  #calls = 0;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.behaviours = setup.behaviours;
    this.#leaks = this.#all("leak").map((leak) => new Leak(leak));
  }

  /** How much later than it could the process says that it is ready. */
  get readyDelayMs(): number {
    return Math.max(0, ...this.#all("slow-start").map(({ readyMs }) => readyMs));
  }

  /** Delays a call that is about to be served, or fails it: throws InjectedFailure. */
  async beforeCall(call: SpoiledCall): Promise<void> {
    this.#calls += 1;
    let delayMs = 0;
    for (const behaviour of this.behaviours) {
      const added = this.#delayMs(behaviour, call.method);
      if (added > 0) call.markInjected(this.#label(behaviour.name));
      delayMs += added;
    }
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: call.signal });
    for (const { name, methods, share, status } of this.#all("errors")) {
      if (!concerns(methods, call.method) || !this.#draws(share)) continue;
      const label = this.#label(name);
      call.markInjected(label);
      throw new InjectedFailure(label, status);
    }
  }

  /** How many times more than once a call to another service is made. */
  extraCalls({ descriptor }: MethodContract): number {
    const [amplifier] = this.#all("retry-amplifier");
    if (!amplifier || descriptor.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return 0;
    this.#setup.onInjected(amplifier.name);
    return amplifier.times - 1;
  }

  /** What is injected into events that are about to be written, as their row says it; empty for nothing. */
  intoEvents(): string {
    const chosen = [...this.#all("bad-event"), ...this.#all("double-publish")].find(({ share }) => this.#draws(share));
    return chosen ? this.#label(chosen.name) : "";
  }

  /** Whether a piece of work is to be done with this bug; answers its label then. */
  withBug(bug: string): string | undefined {
    const chosen = this.#all("business-bug").find((one) => one.bug === bug && this.#draws(one.share));
    return chosen && `${this.#label(chosen.name)}:${bug}`;
  }

  close(): void {
    for (const leak of this.#leaks) leak.close();
  }

  #delayMs(behaviour: Behaviour, method: MethodContract): number {
    switch (behaviour.name) {
      case "slow":
        return concerns(behaviour.methods, method) ? behaviour.delayMs : 0;
      case "slow-tail":
        return concerns(behaviour.methods, method) && this.#draws(behaviour.share) ? behaviour.delayMs : 0;
      case "slow-start":
        return this.#calls <= behaviour.calls ? behaviour.delayMs : 0;
      default:
        return 0;
    }
  }

  #all<Name extends BehaviourName>(name: Name): BehaviourOf<Name>[] {
    return this.behaviours.filter((one): one is Extract<Behaviour, BehaviourOf<Name>> => one.name === name);
  }

  #draws(share: number): boolean {
    return this.#setup.random() < share;
  }

  #label(name: BehaviourName): string {
    this.#setup.onInjected(name);
    return `${this.#setup.version}:${name}`;
  }
}

function concerns(methods: readonly string[], { descriptor }: MethodContract): boolean {
  return methods.length === 0 || methods.includes(descriptor.name);
}
