/** The audit trail of a service's own database: who did what, to what, on whose call. It can only grow. */
import type { Call } from "../call.ts";
import { callerOf } from "./idempotency.ts";
import { type Queryable, statement } from "./postgres.ts";

/** What somebody did. */
export interface AuditedAct {
  /** "order.read": the thing and the participle. */
  readonly action: string;
  /** "order:<id>" */
  readonly target: string;
  /** What else is to be remembered; never personal. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

const insertAct = statement(
  "runtime-audit",
  "INSERT INTO runtime.audit (actor, action, target, correlation_id, details) VALUES ($1, $2, $3, $4, $5)",
);

/**
 * Records what the caller does that changes nothing else here, as an admin's look at what is not theirs. An act with an effect
 * is recorded in the statement that has the effect.
 */
export async function recordAct(
  db: Queryable,
  call: Call,
  { action, target, details = {} }: AuditedAct,
): Promise<void> {
  await insertAct(db, [callerOf(call), action, target, call.correlationId, JSON.stringify(details)]);
}
