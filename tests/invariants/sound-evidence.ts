/** What a shop in order leaves behind: one order paid, one declined, one given back. Tests corrupt copies of it. */
import type { Evidence, StoredEvidence } from "./evidence.ts";

type Mutable<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : T extends readonly (infer E)[]
      ? Mutable<E>[]
      : T extends object
        ? { -readonly [K in keyof T]: Mutable<T[K]> }
        : T;

export type Corruptible = Mutable<Evidence>;

const LEVEL = "shop.inventory.v1.StockLevelChanged";
const PLACE = ["reserve-stock", "authorize-payment", "capture-payment", "commit-stock"];

const events: StoredEvidence[] = [
  ...numbered("ORDERS", "paid", "orders.v1.OrderPlaced", "orders.v1.OrderConfirmed"),
  ...numbered("ORDERS", "declined", "orders.v1.OrderPlaced", "orders.v1.OrderCancelled"),
  ...numbered(
    "ORDERS",
    "returned",
    "orders.v1.OrderPlaced",
    "orders.v1.OrderConfirmed",
    "orders.v1.OrderCancellationRequested",
    "orders.v1.OrderCancelled",
  ),
  ...numbered("INVENTORY", "p-1", ...Array.from({ length: 6 }, () => LEVEL.replace("shop.", ""))),
  ...numbered("PAYMENTS", "pay-paid", "payments.v1.PaymentAuthorized", "payments.v1.PaymentCaptured"),
];

function numbered(stream: string, aggregateId: string, ...names: string[]): StoredEvidence[] {
  return names.map((name, index) => ({
    stream,
    aggregateId,
    subject: `shop.${name}`,
    sequence: BigInt(index + 1),
    id: `${stream}-${aggregateId}-${index + 1}`,
  }));
}

const items = [{ productId: "p-1", quantity: 2n }];
const attempt = (orderId: string, saga: string, step: string, outcome = "ok", undo = false) => ({
  orderId,
  saga,
  step,
  undo,
  number: 1,
  outcome,
  isFinished: true,
});
const saga = (orderId: string, name: string, direction: string) => ({
  orderId,
  name,
  definition: 1,
  direction,
  isFinished: true,
  isStuck: false,
});
const act = (sequence: number, action: string, reference: string, status: string) => ({
  sequence,
  action,
  reference,
  outcome: "applied",
  charge: { id: `ch-${reference}`, status, amountMinor: "500" },
});
const transfer = (transactionId: string, paymentId: string, amountMinor: bigint) => [
  { transactionId, paymentId, account: "gateway_receivable", amountMinor },
  { transactionId, paymentId, account: "sales_revenue", amountMinor: -amountMinor },
];

export function soundEvidence(): Corruptible {
  return structuredClone({
    accepted: ["paid", "declined", "returned", "paid"],
    orders: [
      { id: "paid", state: "CONFIRMED", cancelReason: "", totalMinor: 500n, items, version: 2n },
      { id: "declined", state: "CANCELLED", cancelReason: "CARD_DECLINED", totalMinor: 500n, items, version: 2n },
      {
        id: "returned",
        state: "CANCELLED",
        cancelReason: "CANCELLED_BY_CUSTOMER",
        totalMinor: 500n,
        items,
        version: 4n,
      },
    ],
    orderEvents: events
      .filter(({ stream }) => stream === "ORDERS")
      .map(({ aggregateId, sequence }) => ({ orderId: aggregateId, version: sequence })),
    viewDifferences: 0,
    sagas: [
      saga("paid", "place-order", "succeeded"),
      saga("declined", "place-order", "failed"),
      saga("returned", "place-order", "succeeded"),
      saga("returned", "cancel-order", "succeeded"),
    ],
    attempts: [
      ...PLACE.map((step) => attempt("paid", "place-order/1", step)),
      attempt("declined", "place-order/1", "reserve-stock"),
      attempt("declined", "place-order/1", "authorize-payment", "refused"),
      attempt("declined", "place-order/1", "reserve-stock", "ok", true),
      ...PLACE.map((step) => attempt("returned", "place-order/1", step)),
      attempt("returned", "cancel-order/1", "refund-payment"),
      attempt("returned", "cancel-order/1", "return-stock"),
    ],
    stock: [{ productId: "p-1", onHand: 8n, reserved: 0n, sold: 2n, received: 10n, version: 6n }],
    reservations: [
      { orderId: "paid", state: "COMMITTED", items },
      { orderId: "declined", state: "RELEASED", items },
      { orderId: "returned", state: "RETURNED", items },
    ],
    payments: [
      { id: "pay-paid", orderId: "paid", state: "CAPTURED", amountMinor: 500n },
      { id: "pay-declined", orderId: "declined", state: "DECLINED", amountMinor: 500n },
      { id: "pay-returned", orderId: "returned", state: "REFUNDED", amountMinor: 500n },
    ],
    ledger: [
      ...transfer("capture:pay-paid", "pay-paid", 500n),
      ...transfer("capture:pay-returned", "pay-returned", 500n),
      ...transfer("refund:pay-returned", "pay-returned", -500n),
    ],
    gateway: [
      act(1, "authorize", "paid", "authorized"),
      act(2, "capture", "paid", "captured"),
      act(3, "authorize", "declined", "declined"),
      act(4, "authorize", "returned", "authorized"),
      act(5, "capture", "returned", "captured"),
      act(6, "refund", "returned", "refunded"),
    ],
    outbox: events.map(({ id, subject, aggregateId, sequence }) => ({
      service: subject.split(".")[1] ?? "",
      id,
      subject,
      aggregateId,
      sequence,
      isPublished: true,
    })),
    stored: events,
    consumers: [
      {
        service: "catalog",
        event: LEVEL,
        pending: 0,
        unacknowledged: 0,
        received: events.filter(({ subject }) => subject === LEVEL).map(({ id }) => id),
        applied: new Map([["p-1", 6n]]),
      },
    ],
    deadLetters: [],
    availability: [{ productId: "p-1", isAvailable: true }],
  }) as Corruptible;
}
