/**
 * The saga: which step comes next, when to try again and when to turn round. Pure: the runner does the calls.
 *
 * Steps before the pivot can be undone and are given up when refused, when the time is over or when the customer
 * cancels. The pivot is the point of no return: from its first attempt of unknown outcome on, everything is tried
 * until it works. Undoing is tried until it works, and covers every step that may have happened.
 */

export interface SagaDefinition {
  readonly name: string;
  readonly version: number;
  readonly steps: readonly { readonly name: string; readonly canUndo: boolean }[];
  /** Index of the pivot; -1 when there is no way back from the start. */
  readonly pivot: number;
}

export interface SagaState {
  readonly direction: "forward" | "backward" | "succeeded" | "failed";
  readonly step: number;
  /** Attempts begun at this step in this direction; 0 when none was. */
  readonly attempt: number;
  /** An attempt at this step ended without an answer: it may have happened. */
  readonly uncertain: boolean;
  /** Why it turned round; empty before. */
  readonly reason: string;
  /** A step that must work was refused: somebody has to look. */
  readonly stuck: boolean;
}

/** How an attempt ended. */
export type StepOutcome =
  | { readonly kind: "ok" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

/** What the world looks like when a decision is made. */
export interface Circumstances {
  readonly isOverdue: boolean;
  readonly isCancelRequested: boolean;
  /** A step after the one that the state shows may have been begun, and its record lost. */
  readonly mayBeAhead: boolean;
}

/** The state in which every saga starts. */
export const START: SagaState = {
  direction: "forward",
  step: 0,
  attempt: 0,
  uncertain: false,
  reason: "",
  stuck: false,
};

export const CANCELLED_BY_CUSTOMER = "CANCELLED_BY_CUSTOMER";
export const TIMED_OUT = "TIMED_OUT";

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/** Whether there is nothing left to do. */
export function isFinished(state: SagaState): boolean {
  return state.direction === "succeeded" || state.direction === "failed";
}

/** The state after an attempt ended. */
export function afterAttempt(
  definition: SagaDefinition,
  state: SagaState,
  outcome: StepOutcome,
  circumstances: Circumstances,
): SagaState {
  if (state.direction === "forward") return afterForward(definition, state, outcome, circumstances);
  if (state.direction === "backward") return afterUndo(definition, state, outcome);
  return state;
}

function afterForward(
  definition: SagaDefinition,
  state: SagaState,
  outcome: StepOutcome,
  circumstances: Circumstances,
): SagaState {
  const isBeforeReturn = state.step <= definition.pivot;
  switch (outcome.kind) {
    case "ok":
      return beforeForward(
        definition,
        { ...state, step: state.step + 1, attempt: 0, uncertain: false, stuck: false },
        circumstances,
      );
    case "refused":
      if (!isBeforeReturn) return { ...state, stuck: true };
      return turnRound(definition, state, outcome.reason, circumstances);
    case "unknown":
      return beforeForward(definition, { ...state, uncertain: true }, circumstances);
  }
}

/** Gives up where that is still possible, just before a step is begun (again). */
export function beforeForward(definition: SagaDefinition, state: SagaState, circumstances: Circumstances): SagaState {
  if (state.direction !== "forward") return state;
  if (state.step >= definition.steps.length) return { ...state, direction: "succeeded" };
  const mayHaveCharged = state.step === definition.pivot && state.uncertain;
  if (state.step > definition.pivot || mayHaveCharged) return state;
  if (circumstances.isCancelRequested) return turnRound(definition, state, CANCELLED_BY_CUSTOMER, circumstances);
  if (circumstances.isOverdue) return turnRound(definition, state, TIMED_OUT, circumstances);
  return state;
}

/** Starts to undo, newest first: this step too when it may have happened, and whatever else may have. */
function turnRound(
  definition: SagaDefinition,
  state: SagaState,
  reason: string,
  { mayBeAhead }: Circumstances,
): SagaState {
  const newest = mayBeAhead ? definition.pivot - 1 : state.uncertain ? state.step : state.step - 1;
  return undoFrom(definition, { ...state, reason, stuck: false }, newest);
}

function afterUndo(definition: SagaDefinition, state: SagaState, outcome: StepOutcome): SagaState {
  if (outcome.kind === "refused") return { ...state, stuck: true };
  if (outcome.kind === "unknown") return state;
  return undoFrom(definition, { ...state, stuck: false }, state.step - 1);
}

function undoFrom(definition: SagaDefinition, state: SagaState, step: number): SagaState {
  let next = step;
  while (next >= 0 && !definition.steps[next]?.canUndo) next -= 1;
  if (next < 0) return { ...state, direction: "failed", step: 0, attempt: 0, uncertain: false };
  return { ...state, direction: "backward", step: next, attempt: 0, uncertain: false };
}

/**
 * Whether the record of a state must be on disk before the saga goes on. A step forgotten in a crash of the database is done
 * again, or undone with the others, and every callee is prepared for both; that the charge was begun, or that the saga turned
 * round, must not be forgotten.
 */
export function mustSurvive(definition: SagaDefinition, next: SagaState): boolean {
  return next.direction !== "forward" || next.step === definition.pivot;
}

/** Milliseconds to wait before the next attempt: none before a first one, then 50 ms doubling up to 5 s. */
export function waitBefore(state: SagaState, random: () => number = Math.random): number {
  if (state.attempt === 0) return 0;
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(state.attempt - 1, 10));
  return Math.round(longest * (0.5 + random() / 2));
}
