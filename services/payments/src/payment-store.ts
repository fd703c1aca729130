/** Payments and the ledger in Postgres; every write is one statement, and what comes together shares one. */
import { Batcher } from "@row/runtime/database/batcher.ts";
import { rememberRequest } from "@row/runtime/database/idempotency.ts";
import { statement } from "@row/runtime/database/postgres.ts";
import { recordsOf, recordValues } from "@row/runtime/database/records.ts";
import { type Origin, type OutboxEvent, outboxInsertFrom, outboxJson } from "@row/runtime/events/outbox.ts";
import type pg from "pg";
import { postings } from "./ledger.ts";
import type { Move, Payment, PaymentState } from "./payment.ts";
import { type PaymentRow, toPayment } from "./payment-rows.ts";

/** A payment as the gateway's first word makes it. */
export interface NewPayment {
  readonly id: string;
  readonly orderId: string;
  readonly customerId: string | undefined;
  readonly amountMinor: bigint;
  readonly state: PaymentState;
  readonly declineReason: string;
}

const selectByOrder = statement<PaymentRow>(
  "payments-by-order",
  "SELECT * FROM payments WHERE order_id = ANY($1::uuid[])",
);
const selectById = statement<PaymentRow>("payments-by-id", "SELECT * FROM payments WHERE id = $1");

const PAYMENT_COLUMNS = `id uuid, order_id uuid, customer_id uuid, amount_minor bigint, state text, decline_reason text, outbox json`;

/** Any number of payments of different orders; those whose order has one already are left out. */
const insertPayments = statement<{ id: string }>(
  "payments-insert",
  `WITH asked AS (${recordsOf(PAYMENT_COLUMNS)}),
    created AS (INSERT INTO payments (id, order_id, customer_id, amount_minor, state, decline_reason, version)
      SELECT id, order_id, customer_id, amount_minor, state, decline_reason, 1 FROM asked ORDER BY order_id
      ON CONFLICT (order_id) DO NOTHING RETURNING id),
    published AS (${outboxInsertFrom("asked JOIN created ON created.id = asked.id")})
  SELECT id FROM created`,
);

const MOVE_COLUMNS = `id uuid, to_state text, from_state text, transaction_id text, postings json, outbox json`;

/** Any number of moves of different payments; those of a payment that was moved before are left out. */
const movePayments = statement<{ id: string }>(
  "payments-move",
  `WITH asked AS (${recordsOf(MOVE_COLUMNS)}),
    moved AS (UPDATE payments SET state = to_state, version = version + 1, update_time = now() FROM asked
      WHERE payments.id = asked.id AND state = from_state RETURNING asked.*),
    posted AS (INSERT INTO ledger_entries (transaction_id, account, payment_id, amount_minor)
      SELECT transaction_id, account, moved.id, amount FROM moved, json_to_recordset(postings) AS e (account text, amount bigint)),
    published AS (${outboxInsertFrom("moved")}),
    refunded AS (DELETE FROM refund_requests USING moved WHERE payment_id = moved.id AND to_state = 'REFUNDED'
      RETURNING refund_requests.*),
    audited AS (INSERT INTO runtime.audit (actor, action, target, correlation_id, details)
      SELECT actor, 'payment.refunded', 'payment:' || payment_id, correlation_id, jsonb_build_object('reason', reason)
      FROM refunded)
  SELECT id FROM moved`,
);

// Whoever asked for a refund that was made already, or is made by somebody else, is in the trail as well.
const remember = statement(
  "payments-remember-refund",
  `WITH remembered AS (${rememberRequest(1)})
  INSERT INTO runtime.audit (actor, action, target, correlation_id, details)
  SELECT $1, 'payment.refunded', $6, $7, jsonb_build_object('reason', $8::text)
  WHERE NOT EXISTS (SELECT FROM runtime.audit WHERE target = $6 AND actor = $1 AND action = 'payment.refunded')`,
);

/** What tells the rows of a batch apart. */
interface Keys {
  readonly id: string;
  readonly order_id: string;
}

export class PaymentStore {
  readonly pool: pg.Pool;
  readonly #creating: Batcher<Keys, boolean>;
  readonly #moving: Batcher<Keys, boolean>;
  readonly #finding: Batcher<string, Payment | undefined>;

  constructor(pool: pg.Pool) {
    this.pool = pool;
    const write = (rows: typeof insertPayments) => async (batch: readonly Keys[]) => {
      const written = new Set((await rows(pool, recordValues(batch))).map(({ id }) => id));
      return batch.map(({ id }) => written.has(id));
    };
    // The gateway has done it: payments must know, whether the caller still waits or not.
    this.#creating = new Batcher(write(insertPayments), ({ order_id }) => order_id, { evenIfLeft: true });
    this.#moving = new Batcher(write(movePayments), ({ order_id }) => order_id, { evenIfLeft: true });
    this.#finding = new Batcher(
      async (orderIds) => {
        const rows = await selectByOrder(pool, [orderIds]);
        const byOrder = new Map(rows.map((row) => [row.order_id, toPayment(row)]));
        return orderIds.map((orderId) => byOrder.get(orderId));
      },
      (orderId) => orderId,
    );
  }

  byOrder(orderId: string): Promise<Payment | undefined> {
    return this.#finding.do(orderId);
  }

  async byId(id: string): Promise<Payment | undefined> {
    const [row] = await selectById(this.pool, [id]);
    return row && toPayment(row);
  }

  /** Writes a payment never seen. False when the order has one already: that one counts. */
  create(payment: NewPayment, event: OutboxEvent, origin: Origin): Promise<boolean> {
    const row = {
      id: payment.id,
      order_id: payment.orderId,
      customer_id: payment.customerId,
      amount_minor: String(payment.amountMinor),
      state: payment.state,
      decline_reason: payment.declineReason,
      outbox: outboxJson([event], origin),
    };
    return this.#creating.do(row);
  }

  /** Moves a payment on and posts what that means to the ledger. False when it was moved before. */
  move(payment: Payment, move: Move, event: OutboxEvent, origin: Origin): Promise<boolean> {
    const entries = postings(move.to, payment.amountMinor);
    const row = {
      id: payment.id,
      order_id: payment.orderId,
      to_state: move.to,
      from_state: move.from,
      transaction_id: `${move.verb}:${payment.id}`,
      postings: entries.map(({ account, amountMinor }) => ({ account, amount: String(amountMinor) })),
      outbox: outboxJson([event], origin),
    };
    return this.#moving.do(row);
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
