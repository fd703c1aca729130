/** Reservations in Postgres; what comes together is written together, and each order has an outcome of its own. */
import { Batcher } from "@row/runtime/database/batcher.ts";
import { statement } from "@row/runtime/database/postgres.ts";
import { recordValues } from "@row/runtime/database/records.ts";
import type { Origin } from "@row/runtime/events/outbox.ts";
import type { Pool } from "pg";
import { originJson } from "./outbox-rows.ts";
import {
  COMMIT,
  type Item,
  OutOfStock,
  RELEASE,
  RETURN,
  type ReservationState,
  type ReservationStep,
} from "./reservation.ts";
import { type ReservedRow, reserveStock, stepStatement } from "./reservation-statements.ts";

const STATEMENTS = { release: stepStatement(RELEASE), commit: stepStatement(COMMIT), return: stepStatement(RETURN) };

const findReservation = statement<{ state: ReservationState; items: { productId: string; quantity: number }[] }>(
  "find-reservation",
  "SELECT state, items FROM reservations WHERE order_id = $1::uuid",
);

/** An order's part of a batch, without its items where it has them already. */
interface Asked {
  readonly orderId: string;
  readonly origin: Origin;
  readonly items?: readonly Item[];
}

export class ReservationStore {
  readonly #pool: Pool;
  readonly #reserving: Batcher<Asked, ReservedRow | undefined>;
  readonly #taking: Readonly<Record<ReservationStep["name"], Batcher<Asked, boolean>>>;

  constructor(pool: Pool) {
    this.#pool = pool;
    const keyOf = ({ orderId }: Asked) => orderId;
    this.#reserving = new Batcher(async (batch) => {
      const rows = await reserveStock(pool, recordValues(batch.map(toRecord)));
      const byId = new Map(rows.map((row) => [row.order_id, row]));
      return batch.map(({ orderId }) => byId.get(orderId));
    }, keyOf);
    const taking = (step: ReservationStep) =>
      new Batcher(async (batch: readonly Asked[]) => {
        const rows = await STATEMENTS[step.name](pool, recordValues(batch.map(toRecord)));
        const changed = new Set(rows.map(({ order_id }) => order_id));
        return batch.map(({ orderId }) => changed.has(orderId));
      }, keyOf);
    this.#taking = { release: taking(RELEASE), commit: taking(COMMIT), return: taking(RETURN) };
  }

  /** Holds the items, which are in order of product id, or nothing. "exists" when the order has a reservation of any state. */
  async reserve(orderId: string, items: readonly Item[], origin: Origin): Promise<"reserved" | "exists" | OutOfStock> {
    for (;;) {
      const row = await this.#reserving.do({ orderId, origin, items });
      if (row?.reserved) return "reserved";
      if (row?.missing) {
        const requested = items.find(({ productId }) => productId === row.missing)?.quantity ?? 0n;
        return new OutOfStock("reserve", row.missing, requested, row.available ?? 0n);
      }
      if (row?.fits !== false) return "exists";
      // It would do if some before it in the batch did not get theirs: that is known now.
    }
  }

  /** Takes the step; answers whether it changed anything. */
  take(step: ReservationStep, orderId: string, origin: Origin): Promise<boolean> {
    return this.#taking[step.name].do({ orderId, origin });
  }

  /** The reservation of an order, whatever its state. */
  async find(orderId: string): Promise<{ state: ReservationState; items: Item[] } | undefined> {
    const [row] = await findReservation(this.#pool, [orderId]);
    if (!row) return undefined;
    return { state: row.state, items: row.items.map((item) => ({ ...item, quantity: BigInt(item.quantity) })) };
  }
}

function toRecord({ orderId, origin, items }: Asked, place: number): object {
  return {
    order_id: orderId,
    place,
    items: items?.map(({ productId, quantity }) => ({ productId, quantity: Number(quantity) })),
    ...originJson(origin),
  };
}
