/** The invariants of the shop, judged by what it left behind. */
import { charges } from "./charges.ts";
import { events } from "./events.ts";
import type { Evidence, Violation } from "./evidence.ts";
import { ledger } from "./ledger.ts";
import { ordersEnd } from "./orders-end.ts";
import { sagaLog } from "./saga-log.ts";
import { shownStock } from "./shown-stock.ts";
import { stock } from "./stock.ts";

const AT_REST = [ordersEnd, charges, stock, ledger, sagaLog];
const DELIVERED = [events, shownStock];

/** Breaches by the services that act, once no order is open; consumers may still be behind. */
export function violationsAtRest(evidence: Evidence): Violation[] {
  return AT_REST.flatMap((check) => check(evidence));
}

/** Every breach of every invariant, once nothing is left to do. */
export function violationsIn(evidence: Evidence): Violation[] {
  return [...AT_REST, ...DELIVERED].flatMap((check) => check(evidence));
}

/** Lines for a person: one a violation, with the first few ids. */
export function describe(violations: readonly Violation[]): string {
  return violations
    .map(({ invariant, detail, ids }) => {
      const shown = ids.slice(0, 5).join(", ") + (ids.length > 5 ? ` and ${ids.length - 5} more` : "");
      return `${invariant}: ${detail}${shown && ` [${shown}]`}`;
    })
    .join("\n");
}
