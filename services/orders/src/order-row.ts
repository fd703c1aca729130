/** The order view's rows ↔ Order. */
import { itemsJson, toItems } from "./event-schema.ts";
import type { Order, OrderState } from "./order.ts";

/** A row of orders, as pg and Prisma's raw queries give it. */
export interface OrderRow {
  readonly id: string;
  readonly customer_id: string;
  readonly state: string;
  readonly cancel_reason: string;
  readonly items: unknown;
  readonly total_minor: bigint;
  readonly payment_id: string;
  readonly address_id: string;
  readonly country_code: string;
  readonly cancel_requested: boolean;
  readonly version: bigint;
  readonly create_time: Date;
  readonly update_time: Date;
}

export function toOrder(row: OrderRow): Order {
  return {
    id: row.id,
    customerId: row.customer_id,
    state: row.state as OrderState, // written by this service alone
    cancelReason: row.cancel_reason,
    items: toItems(row.items),
    totalMinor: row.total_minor,
    paymentId: row.payment_id,
    addressId: row.address_id,
    countryCode: row.country_code,
    cancelRequested: row.cancel_requested,
    version: row.version,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}

/** The order as a JSON object with the columns of orders, for jsonb_populate_record. */
export function toRowJson(order: Order): object {
  return {
    id: order.id,
    customer_id: order.customerId,
    state: order.state,
    cancel_reason: order.cancelReason,
    items: itemsJson(order.items),
    total_minor: String(order.totalMinor),
    payment_id: order.paymentId,
    address_id: order.addressId,
    country_code: order.countryCode,
    cancel_requested: order.cancelRequested,
    version: String(order.version),
    create_time: order.createTime,
    update_time: order.updateTime,
  };
}
