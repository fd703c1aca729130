import { INBOUND_FIELDS, positionsOf } from "../haproxy/request-line.ts";
import type { LineFields } from "./line-fields.ts";

/** Where the fields of an inbound line stand. */
export const INBOUND = positionsOf(INBOUND_FIELDS);

export type Decision = "deny" | "no-route" | "rate-limited";

/** What a sidecar refused, as often as it did so for the same reasons. */
export interface Refusal {
  readonly instance: string;
  /** "orders.shop", or "" for whoever showed no certificate. */
  readonly caller: string;
  readonly frontend: string;
  readonly route: string;
  readonly decision: Decision;
  readonly policy: string;
  count: number;
}

/** A caller chooses some of what is told apart, so there is an end to it. */
const MOST = 10_000;

/** Counts what sidecars refused; what they let in is not reported line by line. */
export class Refusals {
  readonly #counts = new Map<string, Refusal>();

  /** Counts a line; false when its decision was to let the request in. */
  record(fields: LineFields): boolean {
    const decision = decisionOf(fields.text(INBOUND.decision));
    if (!decision) return false;
    const key = fields.text(INBOUND.instance, INBOUND.policy);
    const known = this.#counts.get(key);
    if (known) {
      known.count += 1;
    } else if (this.#counts.size < MOST) {
      this.#counts.set(key, {
        instance: fields.text(INBOUND.instance),
        caller: fields.optional(INBOUND.caller),
        frontend: fields.optional(INBOUND.frontend),
        route: fields.optional(INBOUND.route),
        decision,
        policy: fields.optional(INBOUND.policy),
        count: 1,
      });
    }
    return true;
  }

  all(): Iterable<Refusal> {
    return this.#counts.values();
  }
}

function decisionOf(text: string): Decision | undefined {
  return text === "deny" || text === "no-route" || text === "rate-limited" ? text : undefined;
}
