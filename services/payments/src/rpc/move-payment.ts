/** Capture, void and refund: ask the gateway, then write what it did. Each may be repeated at any point. */
import { randomUUIDv7 } from "node:crypto";
import type { Call } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { Dependencies } from "../dependencies.ts";
import { CAPTURE, type Move, mustMove, type Payment, PaymentClosed, REFUND, VOID } from "../payment.ts";
import { toEvent } from "../payment-message.ts";
import type { NewPayment } from "../payment-store.ts";

type OrderRequest = { orderId: string };

export function capturePayment(dependencies: Dependencies) {
  return async ({ orderId }: OrderRequest, call: Call): Promise<Record<string, never>> => {
    await movePayment(dependencies, call, CAPTURE, orderId, await dependencies.store.byOrder(orderId));
    return {};
  };
}

export function refundOrderPayment(dependencies: Dependencies) {
  return async ({ orderId }: OrderRequest, call: Call): Promise<Record<string, never>> => {
    await movePayment(dependencies, call, REFUND, orderId, await dependencies.store.byOrder(orderId));
    return {};
  };
}

/** Makes a move once, whatever was cut off before. */
export async function movePayment(
  { store, gateway, relay, origin }: Dependencies,
  call: Pick<Call, "correlationId" | "span">,
  move: Move,
  orderId: string,
  payment: Payment | undefined,
): Promise<void> {
  if (!mustMove(move, orderId, payment?.state) || !payment) return;
  crashPoint(`payments.before-${move.verb}`);
  const answer = await gateway.move(orderId, move.verb);
  crashPoint(`payments.after-${move.verb}`);
  if (answer.status === "refused") throw new PaymentClosed(move.verb, orderId, "closed at the card gateway");
  const isMoved = await store.move(payment, move, toEvent(payment, move.to), origin(call));
  crashPoint(`payments.after-${move.verb}-commit`);
  relay.wake();
  // Somebody else moved it meanwhile: here, too, or elsewhere, which is a refusal.
  if (!isMoved) mustMove(move, orderId, (await store.byOrder(orderId))?.state);
}

/**
 * A void is asked of the gateway even for an order never seen: an authorization may be on its way there, past this
 * service's eyes, and the gateway's own tombstone is what stops it.
 */
export function voidPayment(dependencies: Dependencies) {
  const { store, gateway, relay, origin } = dependencies;
  return async ({ orderId }: OrderRequest, call: Call): Promise<Record<string, never>> => {
    const payment = await store.byOrder(orderId);
    if (payment) {
      await movePayment(dependencies, call, VOID, orderId, payment);
      return {};
    }
    crashPoint("payments.before-void");
    const answer = await gateway.move(orderId, "void");
    crashPoint("payments.after-void");
    if (answer.status === "refused") throw new PaymentClosed("void", orderId, "closed at the card gateway");
    const tombstone: NewPayment = {
      id: randomUUIDv7(),
      orderId,
      customerId: undefined,
      amountMinor: 0n,
      state: "VOIDED",
      declineReason: "",
    };
    const isNew = await store.create(tombstone, toEvent(tombstone, "VOIDED", 1), origin(call));
    crashPoint("payments.after-void-commit");
    relay.wake();
    // The authorization was written in between: it is voided at the gateway, and now here.
    if (!isNew) await movePayment(dependencies, call, VOID, orderId, await store.byOrder(orderId));
    return {};
  };
}
