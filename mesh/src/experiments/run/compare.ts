/** The seconds of a run: what was seen goes to the judge, and the weights follow its steps, until there is a verdict. No I/O but through its stage and its journal. */

import { NO_REQUESTS } from "../../judge/arms.ts";
import { feed, type JudgeState, newJudge, stepDue } from "../../judge/judge.ts";
import type { EndedEarly, SecondCounts } from "../../judge/second-counts.ts";
import { summaryOf } from "../../judge/summary.ts";
import type { Verdict } from "../../judge/verdict.ts";
import type { Observation, Observed } from "./observation.ts";
import type { RunPlan } from "./run-plan.ts";
import type { Clock, Journal, Listeners, RunningLoad } from "./stage.ts";

/** As many looks in a row may fail: an observation has had patience with its sources before it says that it cannot see. */
const MOST_MISSED = 2;

/** What the judge has heard of a run. */
export class Comparison {
  readonly #plan: RunPlan;
  readonly #journal: Pick<Journal, "counts">;
  readonly #listeners: Listeners;
  #state: JudgeState;
  #step = 0;

  constructor(plan: RunPlan, journal: Pick<Journal, "counts">, listeners: Listeners) {
    this.#plan = plan;
    this.#journal = journal;
    this.#listeners = listeners;
    this.#state = newJudge(plan.rule);
  }

  /**
   * Goes on until the judge has a verdict. Rejects when it is aborted, or when what happens cannot be seen any more.
   * @param moveTo moves the weights to a step, from 0
   */
  async go(
    { observation, load, clock }: Eyes,
    moveTo: (step: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Verdict> {
    // What came while the weights moved follows no weights; how the versions started and what they broke is theirs all the same.
    let carried = kept(await observation.look());
    load?.sinceLast();
    let missed = 0;
    for (;;) {
      const second = await clock.next(signal);
      signal.throwIfAborted();
      const seen = await looked(observation);
      if (seen instanceof Error) {
        missed += 1;
        if (missed > MOST_MISSED) throw seen;
        continue;
      }
      const late = load?.sinceLast().late ?? 0;
      const counts = { second, step: this.#step, ...joined(carried, seen), ...(late > 0 && { lateArrivals: late }) };
      carried = {};
      missed = 0;
      const verdict = this.#feed(counts);
      if (verdict) return verdict;
      const due = stepDue(this.#plan.rule, this.#state);
      if (due === this.#step) continue;
      await moveTo(due);
      this.#step = due;
    }
  }

  /** Says that the run is over although the judge has not decided. */
  endEarly(ended: EndedEarly): Verdict {
    const { seconds } = this.#state;
    const verdict = this.#feed({ second: seconds, step: this.#step, requests: NO_REQUESTS, metrics: {}, ended });
    if (!verdict) throw new Error("The judge goes on after the end");
    return verdict;
  }

  #feed(counts: SecondCounts): Verdict | undefined {
    const { rule } = this.#plan;
    const next = feed(rule, this.#state, counts);
    this.#journal.counts(counts);
    this.#state = next;
    const weights = rule.steps[counts.step]?.weights ?? NO_REQUESTS;
    this.#listeners.onSecond?.({ counts, weights, summary: summaryOf(rule, next) });
    return next.verdict;
  }
}

export interface Eyes {
  readonly observation: Observation;
  /** Absent where the traffic that is there is judged. */
  readonly load: RunningLoad | undefined;
  readonly clock: Clock;
}

/** A look that failed says nothing yet: the next one tells of the time since the last that did not. */
function looked(observation: Observation): Promise<Observed | Error> {
  return observation.look().catch((error) => (error instanceof Error ? error : new Error(String(error))));
}

type Kept = Pick<Observed, "start" | "violations">;

function kept({ start, violations }: Observed): Kept {
  return { ...(start && { start }), ...(violations && { violations }) };
}

function joined(before: Kept, now: Observed): Observed {
  const violations = [...(before.violations ?? []), ...(now.violations ?? [])];
  const start = before.start || now.start ? { ...before.start, ...now.start } : undefined;
  return { ...now, ...(start && { start }), ...(violations.length > 0 && { violations }) };
}
