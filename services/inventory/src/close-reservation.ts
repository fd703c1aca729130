/** What ReleaseStock, CommitStock and ReturnStock do: a step that changes the reservation, or was taken before. */
import { crashPoint } from "@row/runtime/crash-points.ts";
import { retryOnConflict } from "@row/runtime/retry-on-conflict.ts";
import { takeOrKeep } from "./injected-bugs.ts";
import { outcomeOfNoChange, type ReservationStep } from "./reservation.ts";
import type { ReservationStore } from "./reservation-store.ts";

/** Each race is lost to a step that was taken, of which a reservation has two at most. */
const TRIES = 4;

/** Takes the step. Throws ReservationClosed. */
export async function closeReservation(
  reservations: ReservationStore,
  step: ReservationStep,
  orderId: string,
): Promise<void> {
  const take = async () => {
    crashPoint(`inventory.before-${step.name}`);
    const isChanged = await takeOrKeep(reservations, step, orderId);
    crashPoint(`inventory.after-${step.name}`);
    if (isChanged) return "changed";
    const reservation = await reservations.find(orderId);
    return outcomeOfNoChange(step, orderId, reservation?.state) === "taken" ? "taken" : undefined;
  };
  await retryOnConflict(`${step.name} the stock of order "${orderId}"`, take, { tries: TRIES });
}
