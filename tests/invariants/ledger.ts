/** The ledger balances, agrees with the payments it is about and with the gateway's own log. */
import { GATEWAY_RECEIVABLE } from "@row/payments/ledger.ts";
import { outcomeOf } from "./charges.ts";
import type { Evidence, PostingEvidence, Violation } from "./evidence.ts";

/** How the gateway may see a payment in each state. One that was declined and never written here needs no void there. */
const STATUS_OF: Readonly<Record<string, readonly string[]>> = {
  AUTHORIZED: ["authorized"],
  DECLINED: ["declined"],
  CAPTURED: ["captured"],
  VOIDED: ["voided", "declined"],
  REFUNDED: ["refunded"],
};

export function ledger({ payments, ledger, gateway }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const report = (invariant: string, detail: string, ...ids: string[]) => violations.push({ invariant, detail, ids });

  for (const [transactionId, postings] of Map.groupBy(ledger, (posting) => posting.transactionId)) {
    const sum = sumOf(postings);
    if (sum !== 0n) report("the ledger balances", `a transaction is off by ${sum}`, transactionId);
  }

  const applied = Map.groupBy(
    gateway.filter(({ outcome }) => outcome === "applied"),
    ({ reference }) => reference,
  );
  const postingsOf = Map.groupBy(ledger, ({ paymentId }) => paymentId);
  const known = new Set(payments.map(({ orderId }) => orderId));
  for (const reference of applied.keys()) {
    if (!known.has(reference)) report("payments agrees with the gateway", "a charge that payments forgot", reference);
  }
  for (const { id, orderId, state, amountMinor } of payments) {
    const { status, amountMinor: charged } = outcomeOf(applied.get(orderId) ?? []);
    if (!STATUS_OF[state]?.includes(status)) {
      report("payments agrees with the gateway", `${state} here, ${status || "unknown"} there`, id);
    } else if (state === "CAPTURED" && charged !== amountMinor) {
      report("payments agrees with the gateway", `${amountMinor} here, ${charged} there`, id);
    }
    // What the gateway owes us for this payment is what its log says it took and kept.
    const kept = status === "captured" ? charged : 0n;
    const booked = receivable(postingsOf.get(id) ?? []);
    if (booked !== kept) report("the ledger agrees with the gateway", `${booked} booked, ${kept} charged`, id);
  }
  return violations;
}

function sumOf(postings: readonly PostingEvidence[]): bigint {
  return postings.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
}

/** The balance of what the card gateway owes the shop. */
function receivable(postings: readonly PostingEvidence[]): bigint {
  return sumOf(postings.filter(({ account }) => account === GATEWAY_RECEIVABLE));
}
