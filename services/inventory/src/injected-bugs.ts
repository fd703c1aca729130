/** Where business bugs can be injected into inventory, for experiments: service.yaml names them, nothing else asks for them. */
import { hasBug } from "@row/runtime/behaviour/injection.ts";
import { RELEASE, type ReservationStep } from "./reservation.ts";
import type { ReservationStore } from "./reservation-store.ts";

/** "keeps-stock": a reservation that is released on paper, while its goods stay reserved. Answers whether it changed anything. */
export function takeOrKeep(reservations: ReservationStore, step: ReservationStep, orderId: string): Promise<boolean> {
  const keeps = step === RELEASE && hasBug("keeps-stock");
  return keeps ? reservations.releaseOnPaper(orderId) : reservations.take(step, orderId);
}
