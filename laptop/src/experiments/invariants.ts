/** What may never be true of an order that has come to its end, or of a product's stock, whatever the version. Pure: it only computes. */
import type { Violation } from "@row/mesh/judge/second-counts.ts";
import { amountText } from "@row/runtime/currency.ts";

/** The states in which an order has been paid for and keeps its goods. */
export const SOLD: ReadonlySet<string> = new Set(["CONFIRMED", "SHIPPED", "DELIVERED"]);
export const CANCELLED = "CANCELLED";

/** What became of the reservation of a cancelled order; "" is none at all. */
const GIVEN_BACK: readonly string[] = ["", "RELEASED", "RETURNED"];
const HOLDS_MONEY: readonly string[] = ["AUTHORIZED", "CAPTURED"];
/** A customer may have cancelled a confirmed order since. */
const CHARGED: readonly string[] = ["CAPTURED", "REFUNDED"];

export interface PricedItem {
  readonly productId: string;
  readonly quantity: bigint;
  readonly unitPriceMinor: bigint;
}

export interface EndedOrder {
  readonly id: string;
  readonly state: string;
  readonly totalMinor: bigint;
  readonly items: readonly PricedItem[];
}

export interface ChargedPayment {
  readonly state: string;
  readonly amountMinor: bigint;
  /** What the ledger says was taken for it, given back or not. */
  readonly takenMinor: bigint;
}

/** What the card gateway has of an order. */
export interface CardCharge {
  /** "captured" */
  readonly status: string;
  readonly amountMinor: bigint;
}

export interface StockLevels {
  readonly productId: string;
  readonly onHand: bigint;
  readonly reserved: bigint;
  readonly sold: bigint;
  readonly received: bigint;
}

export function orderViolations(
  order: EndedOrder,
  payment: ChargedPayment | undefined,
  reservation: string,
): Violation[] {
  return [
    wrongTotal(order),
    wrongCharge(order, payment),
    chargedTwice(order, payment),
    kept(order, reservation),
  ].filter((violation) => violation !== undefined);
}

/** What the gateway took is the order's total, and nothing of a cancelled order. */
export function cardViolation(
  { id, state, totalMinor }: EndedOrder,
  charge: CardCharge | undefined,
): Violation | undefined {
  const isTaken = charge?.status === "captured" || charge?.status === "refunded";
  const isWrong = SOLD.has(state)
    ? !isTaken || charge.amountMinor !== totalMinor
    : state === CANCELLED && charge?.status === "captured";
  if (!isWrong) return undefined;
  const has = charge ? `${charge.status} over ${amountText(charge.amountMinor)}` : "nothing";
  const example = `order ${id}: ${state}, total ${amountText(totalMinor)}, the card gateway has ${has}`;
  return { invariant: "charge-total", example };
}

function wrongTotal({ id, totalMinor, items }: EndedOrder): Violation | undefined {
  const costs = items.reduce((sum, { quantity, unitPriceMinor }) => sum + quantity * unitPriceMinor, 0n);
  if (costs === totalMinor) return undefined;
  return {
    invariant: "order-total",
    example: `order ${id}: total ${amountText(totalMinor)}, items ${amountText(costs)}`,
  };
}

function wrongCharge(
  { id, state, totalMinor }: EndedOrder,
  payment: ChargedPayment | undefined,
): Violation | undefined {
  const invariant = "charge-total";
  const says = `order ${id}: ${state}, total ${amountText(totalMinor)}`;
  if (state === CANCELLED) {
    if (!payment || !HOLDS_MONEY.includes(payment.state)) return undefined;
    return { invariant, example: `${says}, payment ${payment.state} over ${amountText(payment.amountMinor)}` };
  }
  if (!SOLD.has(state)) return undefined;
  if (!payment) return { invariant, example: `${says}, no payment` };
  if (CHARGED.includes(payment.state) && payment.amountMinor === totalMinor) return undefined;
  return { invariant, example: `${says}, payment ${payment.state} over ${amountText(payment.amountMinor)}` };
}

function chargedTwice({ id }: EndedOrder, payment: ChargedPayment | undefined): Violation | undefined {
  if (!payment || payment.takenMinor <= payment.amountMinor) return undefined;
  const taken = `${amountText(payment.takenMinor)} were taken for a payment of ${amountText(payment.amountMinor)}`;
  return { invariant: "charged-once", example: `order ${id}: ${taken}` };
}

function kept({ id, state }: EndedOrder, reservation: string): Violation | undefined {
  if (state !== CANCELLED || isGivenBack(reservation)) return undefined;
  return { invariant: "stock-released", example: `order ${id}: ${state}, its reservation is ${reservation}` };
}

/** Whether a reservation in this state holds nothing any more, nor sold it; "" where there is none. */
export function isGivenBack(reservation: string): boolean {
  return GIVEN_BACK.includes(reservation);
}

export function stockViolations({ productId, onHand, reserved, sold, received }: StockLevels): Violation[] {
  const violations: Violation[] = [];
  const says = `product ${productId}: ${onHand} on hand, ${reserved} reserved, ${sold} sold of ${received}`;
  if (onHand + reserved + sold !== received) violations.push({ invariant: "stock-adds-up", example: says });
  if (onHand < 0n || reserved < 0n || sold < 0n) violations.push({ invariant: "stock-not-negative", example: says });
  return violations;
}
