/** Runs what was planned against a shop of its own, then judges what it left behind. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Shop } from "@row/laptop/shop/shop.ts";
import type { Evidence, Violation } from "../invariants/evidence.ts";
import { violationsIn } from "../invariants/invariants.ts";
import { readEvidence } from "../invariants/read-evidence.ts";
import { settle, type Unfinished } from "../invariants/settle.ts";
import type { Fault, PlannedOrder, Round } from "./campaign-plan.ts";
import { inflict } from "./faults.ts";
import { edgeOf, restDoor, signIn } from "./rest-door.ts";
import { Shopper } from "./shopper.ts";

/** Sagas whose step fell to a killed process wait for its lease; a delivery that was never acknowledged comes again. */
const SETTLE_MS = 90_000;

export interface RoundResult {
  readonly seconds: number;
  /** Seconds from the last fault until nothing was left to do. */
  readonly settledAfterSeconds: number;
  readonly left: Unfinished;
  readonly accepted: number;
  /** Orders by how they ended, such as "CANCELLED CARD_DECLINED". */
  readonly ended: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly restarts: Readonly<Record<string, number>>;
  readonly events: number;
  readonly violations: readonly Violation[];
}

/** `accepted` collects over the rounds: the orders that customers were told of. */
export async function runRound(
  shop: Shop,
  round: Round,
  accepted: string[],
  report: (line: string) => void,
): Promise<RoundResult> {
  const startedAt = performance.now();
  const since = (from: number) => Number(((performance.now() - from) / 1_000).toFixed(1));
  const before = restartsOf(shop);
  // Placing an order is what is tested here, not signing in: the tokens are got while all is well.
  const shoppers = await Promise.all(
    ["alice", "bob"].map(async (user) => new Shopper(restDoor(edgeOf(shop), await signIn(shop, user)))),
  );
  const buying = round.orders.map((order, index) => buy(shoppers[index % shoppers.length], order));
  const breaking = round.faults.map((fault) => breakAsPlanned(shop, fault, report));
  const [outcomes] = await Promise.all([Promise.allSettled(buying), Promise.all(breaking)]);
  const faultsOver = performance.now();

  const left = await settle(shop, SETTLE_MS);
  accepted.push(...shoppers.flatMap((shopper) => shopper.accepted));
  const evidence = await readEvidence(shop, accepted);
  const settledAfterSeconds = since(faultsOver);
  const violations = [
    ...violationsIn(evidence),
    ...unansweredOf(outcomes),
    ...shoppers.flatMap(({ contradictions }) =>
      contradictions.map((id) => ({
        invariant: "a request has one answer",
        detail: "answered with two orders",
        ids: [id],
      })),
    ),
  ];
  return {
    seconds: since(startedAt),
    settledAfterSeconds,
    left,
    accepted: shoppers.reduce((sum, shopper) => sum + shopper.accepted.length, 0),
    ended: endingsOf(evidence, new Set(shoppers.flatMap((shopper) => shopper.accepted))),
    retries: shoppers.reduce((sum, { retries }) => sum + retries, 0),
    restarts: Object.fromEntries(
      Object.entries(restartsOf(shop)).flatMap(([name, count]) => {
        const more = count - (before[name] ?? 0);
        return more > 0 ? [[name, more]] : [];
      }),
    ),
    events: evidence.outbox.length,
    violations,
  };
}

async function buy(shopper: Shopper | undefined, order: PlannedOrder): Promise<void> {
  if (!shopper) return;
  await sleep(order.atMs);
  const tries = Array.from({ length: order.times }, () => shopper.place(order.wish, order.requestId));
  const [id] = await Promise.all(tries);
  if (order.cancelAfterMs === undefined || id === undefined) return;
  await sleep(order.cancelAfterMs);
  await shopper.cancel(id);
}

async function breakAsPlanned(shop: Shop, fault: Fault, report: (line: string) => void): Promise<void> {
  await sleep(fault.atMs);
  report(`${(fault.atMs / 1_000).toFixed(1)} s: ${fault.kind} ${fault.process}`);
  await inflict(shop, fault);
}

function restartsOf(shop: Shop): Record<string, number> {
  return Object.fromEntries(shop.processes.map(({ name, restarts }) => [name, restarts]));
}

/** A request that never got an answer, however patient the customer, or was refused without cause. */
function unansweredOf(outcomes: readonly PromiseSettledResult<void>[]): Violation[] {
  return outcomes.flatMap((outcome) =>
    outcome.status === "rejected"
      ? [{ invariant: "every request is answered", detail: String(outcome.reason), ids: [] }]
      : [],
  );
}

function endingsOf({ orders }: Evidence, ours: ReadonlySet<string>): Record<string, number> {
  const ended = Map.groupBy(
    orders.filter(({ id }) => ours.has(id)),
    ({ state, cancelReason }) => `${state} ${cancelReason}`.trim(),
  );
  return Object.fromEntries([...ended].map(([how, list]) => [how, list.length]).sort());
}
