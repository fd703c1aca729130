/** A reservation: what an order holds, and what may become of it. Nothing here does I/O. */
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";

export type ReservationState = "RESERVED" | "RELEASED" | "COMMITTED" | "RETURNED";

/** A product and how many of it. */
export interface Item {
  readonly productId: string;
  readonly quantity: bigint;
}

/** A step that a reservation takes once. */
export interface ReservationStep {
  readonly name: "release" | "commit" | "return";
  readonly from: ReservationState;
  readonly to: ReservationState;
  /** The states in which the step has been taken before, so that a repeat is answered like the first. */
  readonly taken: readonly ReservationState[];
  /** Accepted for an order never seen, whose reservation is then refused when it arrives late. */
  readonly leavesTombstone: boolean;
  /** Where the quantities go. */
  readonly moves: { readonly from: "reserved" | "sold"; readonly to: "on_hand" | "sold" };
  readonly event: "StockReleased" | "StockCommitted" | "StockReturned";
  /** The reservation's version after the step. */
  readonly version: number;
}

export const RELEASE: ReservationStep = {
  name: "release",
  from: "RESERVED",
  to: "RELEASED",
  taken: ["RELEASED"],
  leavesTombstone: true,
  moves: { from: "reserved", to: "on_hand" },
  event: "StockReleased",
  version: 2,
};

export const COMMIT: ReservationStep = {
  name: "commit",
  from: "RESERVED",
  to: "COMMITTED",
  taken: ["COMMITTED", "RETURNED"],
  leavesTombstone: false,
  moves: { from: "reserved", to: "sold" },
  event: "StockCommitted",
  version: 2,
};

export const RETURN: ReservationStep = {
  name: "return",
  from: "COMMITTED",
  to: "RETURNED",
  taken: ["RETURNED"],
  leavesTombstone: false,
  moves: { from: "sold", to: "on_hand" },
  event: "StockReturned",
  version: 3,
};

/** Fewer are on hand than asked for, or than would be written off. */
export class OutOfStock extends DomainError {
  constructor(what: "reserve" | "write off", productId: string, requested: bigint, available: bigint) {
    super("refused", "OUT_OF_STOCK", `Cannot ${what} "${productId}": ${requested} requested, ${available} available`, {
      facts: { product_id: productId, requested: String(requested), available: String(available) },
    });
  }
}

/** The order's reservation is in a state that does not allow this. */
export class ReservationClosed extends DomainError {
  constructor(what: string, orderId: string, state: ReservationState | undefined) {
    super(
      "refused",
      "RESERVATION_CLOSED",
      `Cannot ${what} the stock of order "${orderId}": ${state ? `it is ${state}` : "none was reserved"}`,
      { facts: { order_id: orderId, state: state ?? "" } },
    );
  }
}

/** What an order asks for, in the one order that all lock stock in. Throws InvalidField for a product named twice. */
export function askedItems(items: readonly Item[]): Item[] {
  const seen = new Set<string>();
  const asked = items.map(({ productId, quantity }, index) => {
    if (seen.has(productId))
      throw new InvalidField(`items[${index}].product_id`, "is there already: ask for a product once");
    seen.add(productId);
    return { productId, quantity };
  });
  return asked.sort((a, b) => (a.productId < b.productId ? -1 : 1));
}

/**
 * What a reservation that could not be made says: its order has one already, which answers a repeat, or was
 * released before. Throws ReservationClosed; answers whether this is a repeat.
 */
export function isRepeatOfReserve(
  orderId: string,
  asked: readonly Item[],
  earlier: { state: ReservationState; items: readonly Item[] } | undefined,
): boolean {
  if (!earlier) return false;
  const isSame =
    earlier.items.length === asked.length &&
    asked.every(({ productId, quantity }, index) => {
      const item = earlier.items[index];
      return item?.productId === productId && item.quantity === quantity;
    });
  if (earlier.state === "RELEASED" || !isSame) throw new ReservationClosed("reserve", orderId, earlier.state);
  return true;
}

/** What a step that changed nothing says. Throws ReservationClosed; "race" when it was overtaken and must be tried again. */
export function outcomeOfNoChange(
  step: ReservationStep,
  orderId: string,
  state: ReservationState | undefined,
): "taken" | "race" {
  if (state !== undefined && step.taken.includes(state)) return "taken";
  if (state === step.from || (state === undefined && step.leavesTombstone)) return "race";
  throw new ReservationClosed(step.name, orderId, state);
}
