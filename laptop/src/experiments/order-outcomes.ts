/** Cancelled orders by the version that decided: one outcome an order. Pure: it only computes. */
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import type { Stratum } from "@row/mesh/judge/second-counts.ts";
import type { Counts } from "@row/mesh/judge/window-factor.ts";

/** How the saga that placed an order ended, and who took part. */
export interface PlacedOrder {
  readonly id: string;
  /** "failed": it was cancelled. */
  readonly direction: string;
  readonly reason: string;
  /** Of orders, that drove the saga. */
  readonly drivenBy: string;
  /** The attempts at its steps, undoing aside, in their order. */
  readonly attempts: readonly { readonly servedBy: string }[];
}

/** A customer's own wish says nothing of a version. */
const BY_CUSTOMER = "CANCELLED_BY_CUSTOMER";
const ORDERS = "orders";

/** One outcome of an order, for the version that it is counted for. */
export interface Decision {
  readonly version: string;
  readonly isCancelled: boolean;
}

/**
 * The version of a service that decided an order: of orders the one that drove its saga, of others the one that answered last. It is
 * counted as cancelled for the latter only if no other service's answer came after, since that was the one that ended it. Undefined
 * where no version of the service took part.
 */
export function decisionOf(service: string, order: PlacedOrder): Decision | undefined {
  const isCancelled = order.direction === "failed" && order.reason !== BY_CUSTOMER;
  if (service === ORDERS) return { version: order.drivenBy, isCancelled };
  const isOurs = ({ servedBy }: { readonly servedBy: string }) => servedBy.startsWith(`${service}/`);
  const last = order.attempts.findLast(isOurs);
  const [, version] = last?.servedBy.split("/") ?? [];
  if (!last || !version) return undefined;
  return { version, isCancelled: isCancelled && order.attempts.at(-1) === last };
}

export function cancelledOrders({ service, baseline, canary }: Arms, orders: readonly PlacedOrder[]): Stratum[] {
  const decisions = orders.flatMap((order) => decisionOf(service, order) ?? []);
  const of = (version: string): Counts => {
    const mine = decisions.filter((one) => one.version === version);
    return { total: mine.length, failed: mine.filter(({ isCancelled }) => isCancelled).length };
  };
  return [{ stratum: "all", baseline: of(baseline), canary: of(canary) }];
}

/** An order of the canary that was cancelled. */
export function cancelledExample({ service, canary }: Arms, orders: readonly PlacedOrder[]): string | undefined {
  const found = orders.find((order) => {
    const decision = decisionOf(service, order);
    return decision?.version === canary && decision.isCancelled;
  });
  return found && `order ${found.id}: ${found.reason}`;
}
