import type { Call } from "@row/runtime/call.ts";
import type { Origin } from "@row/runtime/outbox.ts";
import type { Relay } from "@row/runtime/outbox-relay.ts";
import type { Pool } from "pg";

/** What the handlers stand on. */
export interface Dependencies {
  readonly pool: Pool;
  readonly relay: Pick<Relay, "wake">;
  origin(call: Call): Origin;
}
