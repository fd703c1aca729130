/** Capture, void and refund: ask the gateway, then write what it did. Each may be repeated at any point. */
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { Dependencies } from "./dependencies.ts";
import { type Move, mustMove, type Payment, PaymentClosed } from "./payment.ts";
import { toEvent } from "./payment-message.ts";

/** Makes a move once, whatever was cut off before. Throws PaymentClosed. */
export async function movePayment(
  { store, gateway }: Dependencies,
  move: Move,
  orderId: string,
  payment: Payment | undefined,
): Promise<void> {
  if (!mustMove(move, orderId, payment?.state) || !payment) return;
  crashPoint(`payments.before-${move.verb}`);
  const answer = await gateway.move(orderId, move.verb);
  crashPoint(`payments.after-${move.verb}`);
  if (answer.status === "refused") throw new PaymentClosed(move.verb, orderId, "closed at the card gateway");
  const isMoved = await store.move(payment, move, toEvent(payment, move.to));
  crashPoint(`payments.after-${move.verb}-commit`);
  // Somebody else moved it meanwhile: here, too, or elsewhere, which is a refusal.
  if (!isMoved) mustMove(move, orderId, (await store.byOrder(orderId))?.state);
}
