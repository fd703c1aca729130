/** Whether what payments publishes of money agrees with its own books. */
import { PaymentAuthorized, PaymentCaptured, PaymentRefunded } from "@row/gen/grpc/shop/payments/v1/payments_events.ts";
import type { Violation } from "@row/mesh/judge/second-counts.ts";
import { amountText } from "@row/runtime/currency.ts";
import { fromMoney } from "@row/runtime/money.ts";
import type { ReadOnly } from "./read-only.ts";

/** An amount that an event tells of a payment. */
export interface ToldAmount {
  readonly type: string;
  readonly paymentId: string;
  readonly amountMinor: bigint;
}

const TYPES = [PaymentAuthorized, PaymentCaptured, PaymentRefunded];

/** Undefined for an event of another type, or one that nobody can decode. */
export function toldAmount(type: string, payload: Uint8Array): ToldAmount | undefined {
  const known = TYPES.find(({ $type }) => $type === type);
  if (!known) return undefined;
  try {
    const { paymentId, amount } = known.decode(payload);
    return { type, paymentId, amountMinor: fromMoney(amount, "amount") };
  } catch {
    return undefined;
  }
}

const AMOUNTS = "SELECT id::text, amount_minor::text FROM payments WHERE id = ANY($1::uuid[])";

/** What the books have of these payments, by id. */
export async function bookedAmounts(
  databases: ReadOnly,
  told: readonly ToldAmount[],
): Promise<ReadonlyMap<string, bigint>> {
  if (told.length === 0) return new Map();
  const ids = [...new Set(told.map(({ paymentId }) => paymentId))];
  const rows = await databases.rows<{ id: string; amount_minor: string }>("payments", AMOUNTS, [ids]);
  return new Map(rows.map((row) => [row.id, BigInt(row.amount_minor)]));
}

/** The first that the books do not know, or know another amount of: they are written before the event is. */
export function wrongAmount(told: readonly ToldAmount[], booked: ReadonlyMap<string, bigint>): Violation | undefined {
  const wrong = told.find(({ paymentId, amountMinor }) => booked.get(paymentId) !== amountMinor);
  if (!wrong) return undefined;
  const known = booked.get(wrong.paymentId);
  const books = known === undefined ? "no such payment" : amountText(known);
  const example = `payment ${wrong.paymentId}: ${wrong.type} tells ${amountText(wrong.amountMinor)}, the books ${books}`;
  return { invariant: "one-event", example };
}
