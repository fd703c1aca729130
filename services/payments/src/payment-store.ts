/** Payments and the ledger in Postgres; every write is one statement. */
import { type Origin, type OutboxEvent, outboxInsert, outboxValues } from "@row/runtime/outbox.ts";
import { statement } from "@row/runtime/postgres.ts";
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
    published AS (${outboxInsert(MOVE_OUTBOX, "WHERE EXISTS (SELECT FROM moved)")})
  SELECT EXISTS (SELECT FROM moved) AS moved`,
);

const remember = statement(
  "payments-remember-refund",
  `WITH remembered AS (INSERT INTO runtime.requests (caller, method, request_id, body_hash, response) VALUES ($1, $2, $3, $4, $5))
  INSERT INTO runtime.audit (id, actor, action, target, correlation_id, details) VALUES ($6, $1, 'payment.refunded', $7, $8, $9)`,
);

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

  /** Remembers an admin's refund and who did it. */
  async rememberRefund(
    remembered: readonly unknown[],
    auditId: string,
    paymentId: string,
    correlationId: string,
    reason: string,
  ): Promise<void> {
    await remember(this.pool, [...remembered, auditId, `payment:${paymentId}`, correlationId, { reason }]);
  }
}
