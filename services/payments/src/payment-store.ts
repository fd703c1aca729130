/** Payments and the ledger in Postgres; every write is one statement. */
import { type Origin, type OutboxEvent, outboxInsert, outboxValues } from "@row/runtime/outbox.ts";
import { statement } from "@row/runtime/postgres.ts";
import { rememberRequest } from "@row/runtime/requests.ts";
import type pg from "pg";
import { postings } from "./ledger.ts";
import type { Move, Payment, PaymentState } from "./payment.ts";

interface PaymentRow {
  readonly id: string;
  readonly order_id: string;
  readonly customer_id: string | null;
  readonly amount_minor: bigint;
  readonly state: PaymentState;
  readonly decline_reason: string;
  readonly create_time: Date;
  readonly update_time: Date;
}

function toPayment(row: PaymentRow): Payment {
  return {
    id: row.id,
    orderId: row.order_id,
    customerId: row.customer_id ?? undefined,
    amountMinor: row.amount_minor,
    state: row.state,
    declineReason: row.decline_reason,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}

/** A payment as the gateway's first word makes it. */
export interface NewPayment {
  readonly id: string;
  readonly orderId: string;
  readonly customerId: string | undefined;
  readonly amountMinor: bigint;
  readonly state: PaymentState;
  readonly declineReason: string;
}

const selectByOrder = statement<PaymentRow>("payments-by-order", "SELECT * FROM payments WHERE order_id = $1");
const selectById = statement<PaymentRow>("payments-by-id", "SELECT * FROM payments WHERE id = $1");

const NEW_OUTBOX = 7;
const insertPayment = statement<{ created: boolean }>(
  "payments-insert",
  `WITH created AS (INSERT INTO payments (id, order_id, customer_id, amount_minor, state, decline_reason, version)
      VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (order_id) DO NOTHING RETURNING 1),
    published AS (${outboxInsert(NEW_OUTBOX, "WHERE EXISTS (SELECT FROM created)")})
  SELECT EXISTS (SELECT FROM created) AS created`,
);

const MOVE_OUTBOX = 7;
const movePayment = statement<{ moved: boolean }>(
  "payments-move",
  `WITH moved AS (UPDATE payments SET state = $2, version = version + 1, update_time = now()
      WHERE id = $1::uuid AND state = $3 RETURNING 1),
    posted AS (INSERT INTO ledger_entries (transaction_id, account, payment_id, amount_minor)
      SELECT $4, e.account, $1::uuid, e.amount FROM unnest($5::text[], $6::bigint[]) AS e(account, amount)
      WHERE EXISTS (SELECT FROM moved)),
    published AS (${outboxInsert(MOVE_OUTBOX, "WHERE EXISTS (SELECT FROM moved)")}),
    asked AS (DELETE FROM refund_requests WHERE payment_id = $1::uuid AND $2 = 'REFUNDED'
      AND EXISTS (SELECT FROM moved) RETURNING *),
    audited AS (INSERT INTO runtime.audit (actor, action, target, correlation_id, details)
      SELECT actor, 'payment.refunded', 'payment:' || payment_id, correlation_id, jsonb_build_object('reason', reason)
      FROM asked)
  SELECT EXISTS (SELECT FROM moved) AS moved`,
);

const askRefund = statement(
  "payments-ask-refund",
  `INSERT INTO refund_requests (payment_id, actor, reason, correlation_id)
  SELECT id, $2, $3, $4 FROM payments WHERE id = $1::uuid AND state = 'CAPTURED' FOR UPDATE
  ON CONFLICT (payment_id) DO NOTHING`,
);

const selectUnfinishedRefunds = statement<PaymentRow & { correlation_id: string }>(
  "payments-unfinished-refunds",
  `SELECT payments.*, correlation_id FROM refund_requests JOIN payments ON id = payment_id
  WHERE state = 'CAPTURED' AND refund_requests.create_time < now() - $1 * interval '1 ms'
  ORDER BY refund_requests.create_time LIMIT 20`,
);

// Whoever asked for a refund that was made already, or is made by somebody else, is in the trail as well.
const remember = statement(
  "payments-remember-refund",
  `WITH remembered AS (${rememberRequest(1)})
  INSERT INTO runtime.audit (actor, action, target, correlation_id, details)
  SELECT $1, 'payment.refunded', $6, $7, jsonb_build_object('reason', $8::text)
  WHERE NOT EXISTS (SELECT FROM runtime.audit WHERE target = $6 AND actor = $1 AND action = 'payment.refunded')`,
);

/** A refund that was asked for some time ago and is still not made. */
export interface UnfinishedRefund {
  readonly payment: Payment;
  readonly correlationId: string;
}

export class PaymentStore {
  readonly pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  async byOrder(orderId: string): Promise<Payment | undefined> {
    const [row] = await selectByOrder(this.pool, [orderId]);
    return row && toPayment(row);
  }

  async byId(id: string): Promise<Payment | undefined> {
    const [row] = await selectById(this.pool, [id]);
    return row && toPayment(row);
  }

  /** Writes a payment never seen. False when the order has one already: that one counts. */
  async create(payment: NewPayment, event: OutboxEvent, origin: Origin): Promise<boolean> {
    const { id, orderId, customerId, amountMinor, state, declineReason } = payment;
    const values = [id, orderId, customerId ?? null, String(amountMinor), state, declineReason];
    const [row] = await insertPayment(this.pool, [...values, ...outboxValues([event], origin)]);
    return row?.created ?? false;
  }

  /** Moves a payment on and posts what that means to the ledger. False when it was moved before. */
  async move(payment: Payment, move: Move, event: OutboxEvent, origin: Origin): Promise<boolean> {
    const entries = postings(move.to, payment.amountMinor);
    const [row] = await movePayment(this.pool, [
      payment.id,
      move.to,
      move.from,
      `${move.verb}:${payment.id}`,
      entries.map(({ account }) => account),
      entries.map(({ amountMinor }) => String(amountMinor)),
      ...outboxValues([event], origin),
    ]);
    return row?.moved ?? false;
  }

  /** Notes who asks for a refund, so that it is made and audited even if this process dies right now. */
  async askRefund(paymentId: string, actor: string, reason: string, correlationId: string): Promise<void> {
    await askRefund(this.pool, [paymentId, actor, reason, correlationId]);
  }

  /** Refunds asked for at least `ageMs` ago and still not made. */
  async unfinishedRefunds(ageMs: number): Promise<UnfinishedRefund[]> {
    const rows = await selectUnfinishedRefunds(this.pool, [ageMs]);
    return rows.map((row) => ({ payment: toPayment(row), correlationId: row.correlation_id }));
  }

  /** Remembers the answer to an admin's refund, and who asked if the refund itself did not. */
  async rememberRefund(
    remembered: readonly unknown[],
    paymentId: string,
    correlationId: string,
    reason: string,
  ): Promise<void> {
    await remember(this.pool, [...remembered, `payment:${paymentId}`, correlationId, reason]);
  }
}
