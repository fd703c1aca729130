/** Every saga came to an end, and its log tells the whole way there: each step done, or undone when it may have been. */

import { SOLD } from "@row/laptop/experiments/invariants.ts";
import { definitionOf } from "@row/orders/saga/definitions.ts";
import { KEPT_ATTEMPTS } from "@row/orders/saga/saga-store.ts";
import type { AttemptEvidence, Evidence, SagaEvidence, Violation } from "./evidence.ts";

export function sagaLog({ orders, sagas, attempts }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const report = (detail: string, id: string) =>
    violations.push({ invariant: "the saga log is complete", detail, ids: [id] });

  for (const { orderId, saga, step, number, isFinished } of attempts) {
    if (!isFinished) report(`attempt ${number} at ${step} of ${saga} never ended`, orderId);
  }
  const logs = Map.groupBy(attempts, ({ orderId, saga }) => `${orderId} ${saga}`);
  for (const saga of sagas) {
    if (saga.isStuck) report(`${saga.name} is stuck`, saga.orderId);
    if (!saga.isFinished) report(`${saga.name} is still going ${saga.direction}`, saga.orderId);
    const log = logs.get(`${saga.orderId} ${saga.name}/${saga.definition}`) ?? [];
    for (const gap of gapsIn(saga, log)) report(`${saga.name}: ${gap}`, saga.orderId);
  }

  const sagasOf = Map.groupBy(sagas, ({ orderId }) => orderId);
  for (const { id, state } of orders) {
    const ends = new Map((sagasOf.get(id) ?? []).map(({ name, direction }) => [name, direction]));
    const isPlaced = ends.get("place-order") === "succeeded";
    const isCancelled = ends.has("cancel-order");
    if (SOLD.has(state) && (!isPlaced || isCancelled)) report(`${state}, and its sagas say otherwise`, id);
    if (state === "CANCELLED" && isPlaced && !isCancelled) report("CANCELLED, and no saga gave the money back", id);
  }
  return violations;
}

function gapsIn(saga: SagaEvidence, log: readonly AttemptEvidence[]): string[] {
  const definition = definitionOf(saga.name, saga.definition);
  if (!definition) return [`unknown definition ${saga.definition}`];
  const gaps: string[] = [];
  for (const { name, canUndo } of definition.steps) {
    const forward = log.filter(({ step, undo }) => step === name && !undo);
    const backward = log.filter(({ step, undo }) => step === name && undo);
    for (const run of [forward, backward]) {
      const numbers = run.map(({ number }) => number).sort((a, b) => a - b);
      if (!isWhole(numbers)) gaps.push(`attempts ${numbers.join(", ")} at ${name}`);
    }
    const isDone = forward.some(({ outcome }) => outcome === "ok");
    const isUndone = backward.some(({ outcome }) => outcome === "ok");
    const mayBeDone = isDone || forward.some(({ outcome }) => outcome === "unknown");
    if (saga.direction === "succeeded" && !isDone) gaps.push(`${name} was never done`);
    if (saga.direction === "failed" && canUndo && mayBeDone && !isUndone) gaps.push(`${name} was never undone`);
    if (saga.direction === "failed" && !canUndo && isDone) gaps.push(`${name} was done and cannot be undone`);
  }
  return gaps;
}

/** Whether no attempt is missing but those in the middle of a long row, which are forgotten on purpose. */
function isWhole(numbers: readonly number[]): boolean {
  const follows = (from: number) => (number: number, index: number) => number === from + index;
  const first = numbers.slice(0, KEPT_ATTEMPTS);
  const latest = numbers.slice(KEPT_ATTEMPTS);
  const [next = 0] = latest;
  const isGap = next > KEPT_ATTEMPTS + 1;
  return first.every(follows(1)) && latest.every(follows(next)) && (!isGap || latest.length === KEPT_ATTEMPTS);
}
