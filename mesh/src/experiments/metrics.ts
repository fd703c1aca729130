/** What experiments can be judged by, and which services each metric says something about. Pure: it only computes. */
import type { Behaving } from "@row/runtime/behaviour/misfit.ts";
import type { GateSpec, Metric } from "./experiment.ts";

/** What is known of a service that an experiment may be about. */
export interface KnownService extends Behaving {
  readonly callsOthers: boolean;
  readonly publishes: boolean;
  /** Whether a step of an order's saga is decided by it. */
  readonly decidesOrders: boolean;
}

/** The gates that every experiment has unless its file says otherwise. */
export const DEFAULT_GATES: readonly GateSpec[] = [
  { metric: "failures", share: 1, riskRatio: 2, ceiling: 0.01, decides: true, methods: [] },
  { metric: "latency", share: 1, riskRatio: 2, thresholds: ["p50", "p90", "p99"], decides: true, methods: [] },
  { metric: "calls", share: 1, riskRatio: 1.5, mostPerRequest: 10, decides: true },
  { metric: "cancelled-orders", share: 1, riskRatio: 2, ceiling: 0.05, decides: true },
  { metric: "dead-letters", share: 1, riskRatio: 2, decides: false },
  { metric: "invariants" },
  { metric: "memory", megabytesPerMinute: 10 },
  { metric: "cpu", ratio: 1.5, minRequests: 1_000 },
  { metric: "start", ratio: 2, readyMs: 2_000, callMs: 50 },
];

export const METRICS: readonly Metric[] = DEFAULT_GATES.map(({ metric }) => metric);

/** What may never happen, whatever the version; a canary is rolled back the first time. */
export const INVARIANTS: Readonly<Record<string, string>> = {
  "order-total": "an order's total is the sum of its items",
  "charge-total": "what is charged for an order is its total",
  "charged-once": "an order is charged once",
  "stock-adds-up": "on hand, reserved and sold add up to what was received",
  "stock-not-negative": "stock does not fall below zero",
  "stock-released": "what a cancelled order had reserved is on hand again",
  "one-event":
    "an aggregate and its sequence number have one event, with one id and one payload that agrees with the ledger",
};

/** Whether the service can do what is measured; a gate that cannot see anything would hold every promotion up. */
export function appliesTo({ metric }: { readonly metric: Metric }, service: KnownService): boolean {
  if (metric === "calls") return service.callsOthers;
  if (metric === "cancelled-orders") return service.decidesOrders;
  if (metric === "dead-letters") return service.publishes;
  return true;
}
