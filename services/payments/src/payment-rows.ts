/** Rows → Payment, for the statements that read payments. */
import type { Payment, PaymentState } from "./payment.ts";

export interface PaymentRow {
  readonly id: string;
  readonly order_id: string;
  readonly customer_id: string | null;
  readonly amount_minor: bigint;
  readonly state: PaymentState;
  readonly decline_reason: Payment["declineReason"];
  readonly create_time: Date;
  readonly update_time: Date;
}

export function toPayment(row: PaymentRow): Payment {
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
