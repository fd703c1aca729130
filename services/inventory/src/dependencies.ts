import type { Pool } from "pg";
import type { ReservationStore } from "./reservation-store.ts";

/** What the handlers stand on. */
export interface Dependencies {
  readonly pool: Pool;
  readonly reservations: ReservationStore;
}
