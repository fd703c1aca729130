/** A run of an experiment, from its first change to its last one taken back or kept. No I/O but through its stage and its journal. */
import { messageOf, RowError } from "@row/topology/row-error.ts";
import type { EndedEarly } from "../../judge/second-counts.ts";
import type { Verdict } from "../../judge/verdict.ts";
import type { Load } from "../experiment.ts";
import { stepsBack } from "./bring-back.ts";
import { Comparison } from "./compare.ts";
import type { Observation, Thresholds } from "./observation.ts";
import type { Phase } from "./phase.ts";
import { type RunPlan, weighed } from "./run-plan.ts";
import type { RunEnd, RunRecord } from "./run-record.ts";
import type { Journal, Listeners, RunningLoad, Stage } from "./stage.ts";

/** Connections open and caches warm up in the first seconds; the others are measured, again while what has queued up is worked off. */
const SETTLE_SECONDS = 4;
const MEASURED_SECONDS = 6;
const MOST_MEASURED = 4;
/** Beyond the longest time, so that the load outlasts the judge. */
const SPARE_SECONDS = 120;

export interface RunOptions extends Listeners {
  /** Aborted when somebody wants it to end: everything is brought back first. */
  readonly signal: AbortSignal;
  readonly now: () => string;
}

/** Answers the record of a run that is over. Rejects when something could not be brought back; the record then says so to whoever finds it. */
export function runExperiment(
  plan: RunPlan,
  record: RunRecord,
  stage: Stage,
  journal: Journal,
  options: RunOptions,
): Promise<RunRecord> {
  return new Run(plan, record, stage, journal, options).go();
}

/** The load cannot be sent as it was asked for. */
class LoadNotReached extends RowError {}

class Run {
  readonly #plan: RunPlan;
  readonly #stage: Stage;
  readonly #journal: Journal;
  readonly #options: RunOptions;
  readonly #comparison: Comparison;
  #record: RunRecord;
  #load: RunningLoad | undefined;
  #observation: Observation | undefined;

  constructor(plan: RunPlan, record: RunRecord, stage: Stage, journal: Journal, options: RunOptions) {
    this.#plan = plan;
    this.#record = record;
    this.#stage = stage;
    this.#journal = journal;
    this.#options = options;
    this.#comparison = new Comparison(plan, journal, options);
  }

  async go(): Promise<RunRecord> {
    const verdict = await this.#verdict();
    const failures: unknown[] = [];
    await this.#finish(verdict).catch((error) => failures.push(error));
    // Weights first: what the load still has under way may take a while.
    await this.#load?.stop().catch((error) => failures.push(error));
    await this.#observation?.close().catch(() => {});
    if (failures.length > 0) {
      this.#journal.conclude();
      throw new RowError(
        `Not everything is as it was before ${this.#record.run}: ${failures.map(messageOf).join("; ")}. Bring it back with \`npx row experiment abort ${this.#record.run}\`, or start the shop anew`,
      );
    }
    await this.#phase("conclude", async () => this.#journal.conclude());
    return this.#over(verdict);
  }

  /** Whatever fails on the way there is one too. */
  async #verdict(): Promise<Verdict> {
    const { signal } = this.#options;
    try {
      return await this.#judged(signal);
    } catch (error) {
      return this.#comparison.endEarly(whyEarly(error, signal));
    }
  }

  async #judged(signal: AbortSignal): Promise<Verdict> {
    const { arms, rule, baseline, canary } = this.#plan;
    const { observatory } = this.#stage;
    const startedAfter = {
      baseline: await this.#phase("deploy-baseline", () => this.#stage.deploy(baseline), signal),
      canary: await this.#phase("deploy-canary", () => this.#stage.deploy(canary), signal),
    };
    const thresholds = await this.#phase("measure", () => this.#measure(signal), signal);
    this.#record = { ...this.#record, thresholds };
    const observation = await this.#phase("open", () => observatory.open(arms, rule, thresholds, startedAfter), signal);
    this.#observation = observation;
    await this.#moveTo(0, signal);
    const eyes = { observation, load: this.#load, clock: this.#stage.startClock() };
    return this.#comparison.go(eyes, (step) => this.#moveTo(step, signal), signal);
  }

  /** What stable has before the canary gets anything, under the load that there will be; refuses a load that this machine cannot send. */
  async #measure(signal: AbortSignal): Promise<Thresholds> {
    const { arms, rule, experiment } = this.#plan;
    const { load } = experiment.spec;
    if (load) {
      const seconds = SETTLE_SECONDS + MOST_MEASURED * MEASURED_SECONDS + rule.longestSeconds + SPARE_SECONDS;
      const running = await this.#stage.startLoad(load, seconds, this.#record.loadSeed ?? 1);
      this.#load = running;
      await this.#wait(SETTLE_SECONDS, signal);
      await this.#reach(load, running, signal);
    }
    const isLatencyJudged = rule.gates.some(({ name }) => name.startsWith("latency-"));
    return isLatencyJudged ? this.#stage.observatory.thresholds(arms, rule, MEASURED_SECONDS) : {};
  }

  /** Until the load has been sent as it was asked for, once. */
  async #reach({ rate }: Load, running: RunningLoad, signal: AbortSignal): Promise<void> {
    running.sinceLast();
    for (let round = 1; ; round += 1) {
      const before = running.sent().requests;
      await this.#wait(MEASURED_SECONDS, signal);
      const { late, waiting } = running.sinceLast();
      if (late === 0 && waiting <= rate) return;
      if (round < MOST_MEASURED) continue;
      throw new LoadNotReached(
        `the load was not reached: of ${rate} requests a second to stable alone about ${Math.round((running.sent().requests - before) / MEASURED_SECONDS)} were answered, and ${late} had to wait for more than a second; ask for a lower rate`,
      );
    }
  }

  async #wait(seconds: number, signal: AbortSignal): Promise<void> {
    const clock = this.#stage.startClock();
    for (let second = -1; second < seconds - 1; signal.throwIfAborted()) second = await clock.next(signal);
  }

  async #moveTo(step: number, signal: AbortSignal): Promise<void> {
    const weights = weighed(this.#plan, step);
    await this.#phase(`weigh-${step + 1}`, () => this.#stage.weigh(this.#plan.arms.service, weights), signal);
    await this.#phase("compare", async () => {}, signal);
  }

  async #finish({ outcome }: Verdict): Promise<void> {
    const failures: unknown[] = [];
    if (outcome === "promoted") {
      try {
        return await this.#promote();
      } catch (error) {
        failures.push(error);
      }
    }
    for (const { phase, act } of stepsBack(this.#record)) {
      await this.#phase(phase, () => act(this.#stage)).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  async #promote(): Promise<void> {
    const { service, stable, baseline, canary } = this.#plan.arms;
    await this.#phase("promote", () => this.#stage.weigh(service, { [canary]: 100, [stable]: 0 }));
    await this.#phase("undeploy-baseline", () => this.#stage.undeploy(service, baseline));
  }

  #over({ outcome, reason, sentence }: Verdict): RunRecord {
    const ended: RunEnd = {
      time: this.#options.now(),
      outcome: reason === "aborted" ? "aborted" : outcome,
      by: "runner",
      sentence,
      ...(this.#load && { sent: this.#load.sent() }),
    };
    this.#record = { ...this.#record, phase: "over", ended };
    this.#journal.begin(this.#record);
    return this.#record;
  }

  /** Says what it is about to do before it does it, so that a run that dies there can be brought back. */
  async #phase<Made>(phase: Phase, act: () => Promise<Made>, signal?: AbortSignal): Promise<Made> {
    signal?.throwIfAborted();
    this.#record = { ...this.#record, phase };
    this.#journal.begin(this.#record);
    this.#options.onPhase?.(this.#record);
    const made = await act();
    this.#journal.done(phase);
    return made;
  }
}

function whyEarly(error: unknown, signal: AbortSignal): EndedEarly {
  const reason = signal.aborted ? "aborted" : error instanceof LoadNotReached ? "load-not-reached" : "failed";
  return { reason, why: messageOf(error) };
}
