/** Refunds that admins asked for and that are not made yet: which of them is taken up next, and when. */
import { insertActs } from "@row/runtime/database/audit.ts";
import { MOST_COUNTED } from "@row/runtime/database/counting.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import type { Payment } from "./payment.ts";
import { type PaymentRow, toPayment } from "./payment-rows.ts";

/** Longer than the call that asked for it can still be at work. */
const FIRST_WAIT_MS = 4_000;
/** Between two attempts, doubled with each. */
const WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 300_000;

/** Body of a CTE that enters each refund in `from`, which has a payment_id, actor, correlation_id and reason, in the audit trail. */
export function auditRefunds(from: string): string {
  return insertActs(
    {
      ...{ actor: "actor", action: "'payment.refunded'", target: "'payment:' || payment_id" },
      ...{ correlationId: "correlation_id", details: "jsonb_build_object('reason', reason)" },
    },
    from,
  );
}

/** As `auditRefunds`, of the relation `from`; whoever is in the trail for the refund is not entered again. */
export function auditUnlessKnown(from: string): string {
  return auditRefunds(`${from} WHERE NOT EXISTS (SELECT FROM runtime.audit AS entry
    WHERE entry.target = 'payment:' || payment_id AND entry.actor = ${from}.actor AND entry.action = 'payment.refunded')`);
}

const insertRequest = statement(
  "refunds-ask",
  `INSERT INTO refund_requests (payment_id, actor, reason, correlation_id, next_attempt_time)
  SELECT id, $2, $3, $4, now() + $5 * interval '1 ms' FROM payments WHERE id = $1::uuid AND state = 'CAPTURED' FOR UPDATE
  ON CONFLICT (payment_id) DO NOTHING`,
);

/** Who asks for a refund of what, and why. */
export interface RefundRequest {
  readonly paymentId: string;
  readonly actor: string;
  readonly reason: string;
  readonly correlationId: string;
}

/** Notes who asks for a refund, so that it is made and audited even if this process dies right now. */
export async function askRefund(db: Queryable, request: RefundRequest): Promise<void> {
  const { paymentId, actor, reason, correlationId } = request;
  await insertRequest(db, [paymentId, actor, reason, correlationId, FIRST_WAIT_MS]);
}

/** A refund to take up again. */
export interface DueRefund {
  readonly payment: Payment;
  readonly correlationId: string;
}

// The next attempt is put off before this one is made: neither a crash nor another replica can make one follow the other
// without a wait. Those that keep failing wait the longest, and so never stand before one that is new.
const takeDue = statement<PaymentRow & { correlation_id: string }>(
  "refunds-take-due",
  `WITH due AS (
    SELECT payment_id FROM refund_requests WHERE next_attempt_time <= now()
    ORDER BY next_attempt_time LIMIT $1 FOR UPDATE SKIP LOCKED
  ), taken AS (
    UPDATE refund_requests AS request SET attempts = attempts + 1,
      next_attempt_time = now() + least($3, $2 * 2 ^ least(attempts, 20)) * interval '1 ms'
    FROM due WHERE request.payment_id = due.payment_id RETURNING request.payment_id, correlation_id
  )
  SELECT payments.*, correlation_id FROM taken JOIN payments ON id = payment_id`,
);

/** Takes the refunds that have been due for longest, at most `limit`; the same again after a wait that doubles each time. */
export async function takeDueRefunds(db: Queryable, limit: number): Promise<DueRefund[]> {
  const rows = await takeDue(db, [limit, WAIT_MS, LONGEST_WAIT_MS]);
  return rows.map((row) => ({ payment: toPayment(row), correlationId: row.correlation_id }));
}

const updateRefused = statement(
  "refunds-mark-refused",
  "UPDATE refund_requests SET refused_time = now() WHERE payment_id = $1 AND refused_time IS NULL RETURNING 1",
);

/** Notes that the gateway refuses a refund; answers whether that is news. */
export async function markRefused(db: Queryable, paymentId: string): Promise<boolean> {
  const rows = await updateRefused(db, [paymentId]);
  return rows.length > 0;
}

// A refund takes its request along. A request that came at that very moment, unseen, is left: it is in the trail as well.
const deleteRequest = statement(
  "refunds-close",
  `WITH closed AS (DELETE FROM refund_requests WHERE payment_id = $1 RETURNING *)
  ${auditUnlessKnown("closed")}`,
);

/** Forgets the request of a refund that is made. */
export async function closeRefund(db: Queryable, paymentId: string): Promise<void> {
  await deleteRequest(db, [paymentId]);
}

const count = statement<{ open: number; stuck: number; oldest: number }>(
  "refunds-count",
  `SELECT count(*)::int AS open, count(refused_time)::int AS stuck,
    coalesce(extract(epoch FROM now() - min(create_time)), 0)::float8 AS oldest
  FROM (SELECT refused_time, create_time FROM refund_requests ORDER BY next_attempt_time LIMIT ${MOST_COUNTED}) AS counted`,
);

/** How many refunds are not made yet, how many of them the gateway refuses, and the age of the oldest: of the next MOST_COUNTED. */
export async function countRefunds(db: Queryable): Promise<{ open: number; stuck: number; oldestSeconds: number }> {
  const [row] = await count(db, []);
  return { open: row?.open ?? 0, stuck: row?.stuck ?? 0, oldestSeconds: row?.oldest ?? 0 };
}
