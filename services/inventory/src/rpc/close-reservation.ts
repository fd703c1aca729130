import type { Call } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import type { Dependencies } from "../dependencies.ts";
import { outcomeOfNoChange, type ReservationStep } from "../reservation.ts";

/** Each race is lost to a step that was taken, of which a reservation has two at most. */
const TRIES = 4;

/** ReleaseStock, CommitStock and ReturnStock: a step that changes the reservation, or was taken before. */
export function closeReservation({ reservations, relay, origin }: Dependencies, step: ReservationStep) {
  return async ({ orderId }: { orderId: string }, call: Call): Promise<Record<string, never>> => {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      crashPoint(`inventory.before-${step.name}`);
      const isChanged = await reservations.take(step, orderId, origin(call));
      crashPoint(`inventory.after-${step.name}`);
      if (isChanged) {
        relay.wake();
        return {};
      }
      const reservation = await reservations.find(orderId);
      if (outcomeOfNoChange(step, orderId, reservation?.state) === "taken") return {};
    }
    throw new DomainError(
      "aborted",
      "CONFLICT",
      `Cannot ${step.name} the stock of order "${orderId}": it keeps changing`,
    );
  };
}
