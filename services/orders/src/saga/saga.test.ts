import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { CANCEL_ORDER, PLACE_ORDER } from "./definitions.ts";
import {
  afterAttempt,
  beforeForward,
  isFinished,
  mustSurvive,
  type SagaDefinition,
  type SagaState,
  START,
  type StepOutcome,
  waitBefore,
} from "./saga.ts";

/**
 * A world in which each callee keeps its promises: a step done twice counts once, an undo leaves a tombstone, a late
 * forward call is refused. An answer may be lost after the effect, or the call before it.
 */
class World {
  readonly done = new Set<string>();
  readonly undone = new Set<string>();

  run(step: string, isRefused: boolean): StepOutcome {
    if (this.undone.has(step)) return { kind: "refused", reason: "TOMBSTONE" };
    if (isRefused && !this.done.has(step)) return { kind: "refused", reason: "NO" };
    this.done.add(step);
    return { kind: "ok" };
  }

  undo(step: string): StepOutcome {
    this.done.delete(step);
    this.undone.add(step);
    return { kind: "ok" };
  }
}

interface Weather {
  /** What becomes of the call; "late" is one that arrives after what comes next, when nobody waits for it any more. */
  readonly lost: "none" | "call" | "answer" | "late";
  readonly refuse: boolean;
  readonly overdue: boolean;
  readonly cancel: boolean;
  /** The database crashes and comes back as it was when it last had to be on disk. */
  readonly forget: boolean;
}
const weather: fc.Arbitrary<Weather> = fc.record({
  lost: fc.constantFrom("none", "none", "none", "call", "answer", "late"),
  refuse: fc.boolean(),
  overdue: fc.boolean(),
  cancel: fc.boolean(),
  forget: fc.boolean(),
});
const SUNSHINE: Weather = { lost: "none", refuse: false, overdue: false, cancel: false, forget: false };

/** Runs a saga through the weather, then in sunshine until it ends. A crash of its process is an answer that is lost. */
function sail(definition: SagaDefinition, days: readonly Weather[]): { state: SagaState; world: World } {
  const world = new World();
  const refusals = new Map<string, boolean>();
  const onTheirWay: { arrivesOn: number; act: () => unknown }[] = [];
  const circumstances = { isOverdue: false, isCancelRequested: false, mayBeAhead: false };
  let state = beforeForward(definition, START, circumstances);
  let onDisk = state;
  for (let day = 0; !isFinished(state); day += 1) {
    assert.ok(day < days.length + 100, `never ends: ${JSON.stringify(state)}`);
    const today = days[day] ?? SUNSHINE;
    circumstances.isOverdue ||= today.overdue;
    circumstances.isCancelRequested ||= today.cancel;
    for (const { arrivesOn, act } of onTheirWay) if (arrivesOn === day) act();
    if (today.forget) {
      circumstances.mayBeAhead = true;
      state = beforeForward(definition, { ...onDisk, uncertain: true }, circumstances);
      if (isFinished(state)) break;
    }
    state = { ...state, attempt: state.attempt + 1 };
    if (mustSurvive(definition, state)) onDisk = state;
    const { direction } = state;
    const step = definition.steps[state.step]?.name ?? "";
    const canRefuse = state.step <= definition.pivot;
    // A callee's own no is final: it does not say yes to the same question later.
    if (!refusals.has(step)) refusals.set(step, today.refuse && canRefuse);
    const act = () => (direction === "backward" ? world.undo(step) : world.run(step, refusals.get(step) ?? false));
    let outcome: StepOutcome = { kind: "unknown", reason: "LOST" };
    if (today.lost === "none") outcome = act();
    if (today.lost === "answer") act();
    if (today.lost === "late") onTheirWay.push({ arrivesOn: day + 2, act });
    state = afterAttempt(definition, state, outcome, circumstances);
    if (mustSurvive(definition, state)) onDisk = state;
  }
  for (const { act } of onTheirWay) act();
  return { state, world };
}

test("placing ends with everything done or everything undone, whatever is lost, late, forgotten, refused or cancelled", () => {
  fc.assert(
    fc.property(fc.array(weather, { maxLength: 30 }), (days) => {
      const { state, world } = sail(PLACE_ORDER, days);
      const all = PLACE_ORDER.steps.map(({ name }) => name);
      if (state.direction === "succeeded") assert.deepEqual([...world.done].sort(), all.toSorted());
      else assert.deepEqual([...world.done], [], `left behind after ${state.reason}`);
    }),
    { numRuns: 2_000 },
  );
});

test("cancelling after the charge always gets through", () => {
  fc.assert(
    fc.property(fc.array(weather, { maxLength: 30 }), (days) => {
      const { state, world } = sail(CANCEL_ORDER, days);
      assert.equal(state.direction, "succeeded");
      assert.equal(world.done.size, CANCEL_ORDER.steps.length);
    }),
  );
});

const calm = { isOverdue: false, isCancelRequested: false, mayBeAhead: false };
const at = (step: number, more: Partial<SagaState> = {}): SagaState => ({ ...START, step, attempt: 1, ...more });

test("a refusal undoes the steps before it, newest first", () => {
  const state = afterAttempt(PLACE_ORDER, at(1), { kind: "refused", reason: "CARD_DECLINED" }, calm);
  assert.deepEqual(state, at(0, { direction: "backward", reason: "CARD_DECLINED", attempt: 0 }));
  const end = afterAttempt(PLACE_ORDER, { ...state, attempt: 1 }, { kind: "ok" }, calm);
  assert.equal(end.direction, "failed");
  assert.equal(end.reason, "CARD_DECLINED");
});

test("a step of unknown outcome is undone as well", () => {
  const state = afterAttempt(PLACE_ORDER, at(1), { kind: "unknown", reason: "X" }, { ...calm, isOverdue: true });
  assert.equal(state.direction, "backward");
  assert.equal(state.step, 1);
  assert.equal(state.reason, "TIMED_OUT");
});

test("a saga that may be ahead of its record undoes every step that can be undone", () => {
  const state = beforeForward(PLACE_ORDER, START, { ...calm, isOverdue: true, mayBeAhead: true });
  assert.equal(state.direction, "backward");
  assert.equal(state.step, 1);
});

test("once the charge may have happened there is no way back, neither for time nor for a wish", () => {
  const late = { ...calm, isOverdue: true, isCancelRequested: true };
  const state = afterAttempt(PLACE_ORDER, at(2), { kind: "unknown", reason: "X" }, late);
  assert.equal(state.direction, "forward");
  assert.equal(state.step, 2);
});

test("a wish to cancel is heard before the charge is begun", () => {
  const state = afterAttempt(PLACE_ORDER, at(1), { kind: "ok" }, { ...calm, isCancelRequested: true });
  assert.equal(state.direction, "backward");
  assert.equal(state.step, 1);
  assert.equal(state.reason, "CANCELLED_BY_CUSTOMER");
});

test("a refusal after the pivot, or of an undo, makes the saga stuck until it works", () => {
  const stuck = afterAttempt(PLACE_ORDER, at(3), { kind: "refused", reason: "X" }, calm);
  assert.equal(stuck.stuck, true);
  assert.equal(stuck.step, 3);
  assert.equal(afterAttempt(PLACE_ORDER, stuck, { kind: "ok" }, calm).direction, "succeeded");
  const undo = afterAttempt(PLACE_ORDER, at(0, { direction: "backward" }), { kind: "refused", reason: "X" }, calm);
  assert.equal(undo.stuck, true);
});

test("the first attempt waits for nothing, later ones up to 5 s", () => {
  assert.equal(waitBefore(at(0, { attempt: 0 })), 0);
  assert.equal(
    waitBefore(at(0, { attempt: 1 }), () => 1),
    50,
  );
  assert.equal(
    waitBefore(at(0, { attempt: 99 }), () => 1),
    5_000,
  );
  assert.equal(
    waitBefore(at(0, { attempt: 99 }), () => 0),
    2_500,
  );
});
