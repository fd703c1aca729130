/** Payments and the ledger in Postgres; every write is one statement, and what comes together shares one. */
import { Batcher } from "@row/runtime/database/batcher.ts";
import type { RememberedRequest } from "@row/runtime/database/idempotency.ts";
import { statement } from "@row/runtime/database/postgres.ts";
import { along, write } from "@row/runtime/database/write.ts";
import type { OutboxEvent } from "@row/runtime/events/outbox.ts";
import type pg from "pg";
import { postings } from "./ledger.ts";
import type { Move, Payment, PaymentState } from "./payment.ts";
import { type PaymentRow, toPayment } from "./payment-rows.ts";
import { auditRefunds, auditUnlessKnown, type RefundRequest } from "./refund-requests.ts";

/** A payment as the gateway's first word makes it. */
export interface NewPayment {
  readonly id: string;
  readonly orderId: string;
  readonly customerId: string | undefined;
  readonly amountMinor: bigint;
  readonly state: PaymentState;
  readonly declineReason: Payment["declineReason"];
}

const selectByOrder = statement<PaymentRow>(
  "payments-by-order",
  "SELECT * FROM payments WHERE order_id = ANY($1::uuid[])",
);
const selectById = statement<PaymentRow>("payments-by-id", "SELECT * FROM payments WHERE id = $1");

/** Any number of payments of different orders; those whose order has one already are left out. */
const insertPayments = write(
  "payments-insert",
  {
    ...{ id: "uuid", order_id: "uuid", customer_id: "uuid", amount_minor: "bigint" },
    ...{ state: "text", decline_reason: "text" },
  },
  {
    created: `INSERT INTO payments (id, order_id, customer_id, amount_minor, state, decline_reason, version)
      SELECT id, order_id, customer_id, amount_minor, state, decline_reason, 1 FROM asked ORDER BY order_id
      ON CONFLICT (order_id) DO NOTHING RETURNING id`,
    held: "SELECT asked.* FROM asked JOIN created ON created.id = asked.id",
  },
);

/** Any number of moves of different payments; those of a payment that was moved before are left out. */
const movePayments = write(
  "payments-move",
  { id: "uuid", to_state: "text", from_state: "text", transaction_id: "text", postings: "json" },
  {
    held: `UPDATE payments SET state = to_state, version = version + 1, update_time = now() FROM asked
      WHERE payments.id = asked.id AND state = from_state RETURNING asked.*`,
    posted: `INSERT INTO ledger_entries (transaction_id, account, payment_id, amount_minor)
      SELECT transaction_id, account, held.id, amount FROM held, json_to_recordset(postings) AS e (account text, amount bigint)`,
    refunded: `DELETE FROM refund_requests USING held WHERE payment_id = held.id AND to_state = 'REFUNDED'
      RETURNING refund_requests.*`,
    trailed: auditRefunds("refunded"),
  },
);

/** Whoever asked for a refund that was made already, or is made by somebody else, is in the trail as well. */
const rememberRefunds = write(
  "payments-remember-refund",
  { payment_id: "uuid", actor: "text", correlation_id: "text", reason: "text" },
  { trailed: auditUnlessKnown("held") },
  { remembers: true },
);

export class PaymentStore {
  readonly pool: pg.Pool;
  readonly #creating: Batcher<Parameters<typeof insertPayments>[1][number], boolean>;
  readonly #moving: Batcher<Parameters<typeof movePayments>[1][number], boolean>;
  readonly #finding: Batcher<string, Payment | undefined>;

  constructor(pool: pg.Pool) {
    this.pool = pool;
    // The gateway has done it: payments must know, whether the caller still waits or not.
    const evenIfLeft = true;
    this.#creating = new Batcher(
      (payments) => insertPayments(pool, payments),
      ({ order_id }) => String(order_id),
      { evenIfLeft },
    );
    this.#moving = new Batcher(
      (moves) => movePayments(pool, moves),
      ({ id }) => String(id),
      { evenIfLeft },
    );
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
  create(payment: NewPayment, event: OutboxEvent): Promise<boolean> {
    return this.#creating.do({
      id: payment.id,
      order_id: payment.orderId,
      customer_id: payment.customerId,
      amount_minor: String(payment.amountMinor),
      state: payment.state,
      decline_reason: payment.declineReason,
      ...along({ events: [event] }),
    });
  }

  /** Moves a payment on and posts what that means to the ledger. False when it was moved before. */
  move(payment: Payment, move: Move, event: OutboxEvent): Promise<boolean> {
    const entries = postings(move.to, payment.amountMinor);
    return this.#moving.do({
      id: payment.id,
      to_state: move.to,
      from_state: move.from,
      transaction_id: `${move.verb}:${payment.id}`,
      postings: entries.map(({ account, amountMinor }) => ({ account, amount: String(amountMinor) })),
      ...along({ events: [event] }),
    });
  }

  /**
   * Remembers the answer to an admin's refund, and who asked if the refund itself did not. False when the request was answered
   * before.
   */
  async rememberRefund(
    { paymentId, actor, correlationId, reason }: RefundRequest,
    answer: RememberedRequest,
  ): Promise<boolean> {
    const request = { payment_id: paymentId, actor, correlation_id: correlationId, reason };
    const [isNew = false] = await rememberRefunds(this.pool, [{ ...request, ...along({ answer }) }]);
    return isNew;
  }
}
