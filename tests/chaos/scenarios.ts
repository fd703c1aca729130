/** What a customer does so that a service comes to a point, and how it must end whatever dies on the way. */
import type { Scenario } from "./crash-table.ts";
import type { Shopper } from "./shopper.ts";

/** More of it than any scenario takes away, and something of which there is little. */
export interface Shelf {
  readonly plenty: string;
  readonly scarce: string;
}

/** Resolves once the card gateway has done what it was asked for the order, whoever has heard of it. */
export type CardIsAsked = (orderId: string) => Promise<void>;

interface Ending {
  readonly state: "CONFIRMED" | "CANCELLED";
  readonly reasons: readonly string[];
}

/** How each scenario may end. A customer who is too late to cancel before the charge gets the money back after it. */
export const ENDINGS: Readonly<Record<Scenario, Ending>> = {
  paid: { state: "CONFIRMED", reasons: [""] },
  declined: { state: "CANCELLED", reasons: ["CARD_DECLINED"] },
  cancelled: { state: "CANCELLED", reasons: ["CANCELLED_BY_CUSTOMER"] },
  returned: { state: "CANCELLED", reasons: ["CANCELLED_BY_CUSTOMER"] },
  "sold-out": { state: "CANCELLED", reasons: ["OUT_OF_STOCK"] },
};

const TOKENS: Readonly<Record<Scenario, string>> = {
  paid: "tok_ok",
  declined: "tok_declined",
  cancelled: "tok_timeout", // slow enough to change one's mind meanwhile
  returned: "tok_ok",
  "sold-out": "tok_ok",
};

const SECONDS = 60;

/** Plays a scenario to its end; answers the order. Rejects when it ends in another way than it must. */
export async function play(
  scenario: Scenario,
  shopper: Shopper,
  shelf: Shelf,
  cardIsAsked: CardIsAsked,
): Promise<string> {
  const item =
    scenario === "sold-out" ? { productId: shelf.scarce, quantity: 1_000 } : { productId: shelf.plenty, quantity: 1 };
  const id = await shopper.place({ items: [item], paymentToken: TOKENS[scenario] });
  if (scenario === "cancelled") {
    await cardIsAsked(id);
    await shopper.cancel(id);
  }
  if (scenario === "returned") {
    await shopper.reaches(id, ["CONFIRMED"], SECONDS);
    await shopper.cancel(id);
  }
  const { state, reasons } = ENDINGS[scenario];
  const order = await shopper.reaches(id, ["CANCELLED", ...(state === "CONFIRMED" ? [state] : [])], SECONDS);
  if (order.state !== state || !reasons.includes(order.cancelReason)) {
    throw new Error(`A ${scenario} order ended ${order.state} ${order.cancelReason}: ${id}`);
  }
  return id;
}
