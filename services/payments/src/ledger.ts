/** The double-entry ledger: what a move of money posts to which account. */
import type { PaymentState } from "./payment.ts";

/** What the card gateway owes the shop. */
export const GATEWAY_RECEIVABLE = "gateway_receivable";
/** What customers paid. */
export const SALES_REVENUE = "sales_revenue";

/** One side of a transaction: a debit is positive, a credit negative. */
export interface Posting {
  readonly account: string;
  readonly amountMinor: bigint;
}

/** The postings of a payment's change of state; none where no money moves. They sum up to 0. */
export function postings(to: PaymentState, amountMinor: bigint): readonly Posting[] {
  if (to === "CAPTURED") return transfer(GATEWAY_RECEIVABLE, SALES_REVENUE, amountMinor);
  if (to === "REFUNDED") return transfer(SALES_REVENUE, GATEWAY_RECEIVABLE, amountMinor);
  return [];
}

function transfer(debit: string, credit: string, amountMinor: bigint): readonly Posting[] {
  return [
    { account: debit, amountMinor },
    { account: credit, amountMinor: -amountMinor },
  ];
}
