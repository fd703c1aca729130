import type { Call } from "@row/runtime/call.ts";
import type { Origin } from "@row/runtime/events/outbox.ts";
import type { Relay } from "@row/runtime/events/relay.ts";
import type { Pool } from "pg";
import type { ReservationStore } from "./reservation-store.ts";

/** What the handlers stand on. */
export interface Dependencies {
  readonly pool: Pool;
  readonly reservations: ReservationStore;
  readonly relay: Pick<Relay, "wake">;
  origin(call: Call): Origin;
}
