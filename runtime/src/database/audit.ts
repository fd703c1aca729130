/** The audit trail of a service's own database: who did what, to what, on whose call. It can only grow. */
import { currentCall } from "../call.ts";
import { type Queryable, statement } from "./postgres.ts";

/** What somebody did. */
export interface AuditedAct {
  /** Who did it; the caller of the current call unless told. */
  readonly actor?: string;
  /** "order.read": the thing and the participle. */
  readonly action: string;
  /** "order:<id>" */
  readonly target: string;
  /** What else is to be remembered; never personal. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The acts as JSON for `insertActsFrom`: what the caller of the current call does. */
export function actsJson(acts: readonly AuditedAct[]): object[] {
  const call = currentCall();
  if (!call) throw new Error("Cannot record an act: there is no call in which it is done, see runInBackground");
  const { correlationId } = call;
  return acts.map(({ actor = call.actor, action, target, details = {} }) => ({
    ...{ actor, action, target },
    correlation_id: correlationId,
    details,
  }));
}

/** Body of a CTE that writes the acts in the column `audit` of the relation `from`, as `actsJson` makes it; null for none. */
export function insertActsFrom(from: string): string {
  return insertActs(
    {
      ...{ actor: "act.actor", action: "act.action", target: "act.target" },
      ...{ correlationId: "act.correlation_id", details: "act.details" },
    },
    `${from}, json_to_recordset(audit) AS act (actor text, action text, target text, correlation_id text, details jsonb)`,
  );
}

const insertAct = statement("runtime-audit", `WITH asked AS (SELECT $1::json AS audit) ${insertActsFrom("asked")}`);

/**
 * Records what the caller does that changes nothing else here, as an admin's look at what is not theirs. An act with an effect
 * is recorded in the statement that has the effect.
 */
export async function recordAct(db: Queryable, act: AuditedAct): Promise<void> {
  await insertAct(db, [JSON.stringify(actsJson([act]))]);
}

/** What of an entry only SQL can tell, as SQL expressions. */
interface Entry {
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly correlationId: string;
  readonly details?: string;
}

/** A statement, or body of a CTE, that writes an entry for each row of `from`, which may go on with a condition. */
export function insertActs(
  { actor, action, target, correlationId, details = "'{}'::jsonb" }: Entry,
  from: string,
): string {
  return `INSERT INTO runtime.audit (actor, action, target, correlation_id, details)
    SELECT ${actor}, ${action}, ${target}, ${correlationId}, ${details} ${from && `FROM ${from}`}`;
}
