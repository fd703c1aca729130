import type { Call } from "@row/runtime/call.ts";
import type { Origin } from "@row/runtime/events/outbox.ts";
import type { Relay } from "@row/runtime/events/relay.ts";
import type { CardGateway } from "./card-gateway.ts";
import type { PaymentStore } from "./payment-store.ts";

/** What the handlers stand on. */
export interface Dependencies {
  readonly store: PaymentStore;
  readonly gateway: CardGateway;
  readonly relay: Relay;
  readonly origin: (call: Pick<Call, "correlationId" | "span">) => Origin;
}
