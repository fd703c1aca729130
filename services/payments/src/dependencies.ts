import type { CardGateway } from "./card-gateway.ts";
import type { PaymentStore } from "./payment-store.ts";

/** What the handlers stand on. */
export interface Dependencies {
  readonly store: PaymentStore;
  readonly gateway: CardGateway;
}
