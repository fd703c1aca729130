/** Reservations in Postgres; what comes together is written together, and each order has an outcome of its own. */
import { Batcher } from "@row/runtime/database/batcher.ts";
import { eventsWritten } from "@row/runtime/database/commits.ts";
import { statement } from "@row/runtime/database/postgres.ts";
import { recordValues } from "@row/runtime/database/records.ts";
import { originColumns } from "@row/runtime/events/outbox.ts";
import type { Pool } from "pg";
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

const releaseOnPaper = statement(
  "release-on-paper",
  "UPDATE reservations SET state = 'RELEASED' WHERE order_id = $1::uuid AND state = 'RESERVED' RETURNING 1",
);

/** An order's part of a batch, on behalf of the current call; without its items where it has them already. */
function asked(orderId: string, items?: readonly Item[]) {
  return {
    order_id: orderId,
    items: items?.map(({ productId, quantity }) => ({ productId, quantity: Number(quantity) })),
    ...originColumns(),
  };
}
type Asked = ReturnType<typeof asked>;

export class ReservationStore {
  readonly #pool: Pool;
  readonly #reserving: Batcher<Asked, ReservedRow | undefined>;
  readonly #taking: Readonly<Record<ReservationStep["name"], Batcher<Asked, boolean>>>;

  constructor(pool: Pool) {
    this.#pool = pool;
    const keyOf = ({ order_id }: Asked) => order_id;
    this.#reserving = new Batcher(async (batch) => {
      const rows = await reserveStock(pool, recordValues(batch.map((order, position) => ({ ...order, position }))));
      const byId = new Map(rows.map((row) => [row.order_id, row]));
      if (rows.some(({ reserved }) => reserved)) eventsWritten(pool);
      return batch.map(({ order_id }) => byId.get(order_id));
    }, keyOf);
    const taking = (step: ReservationStep) =>
      new Batcher(async (batch: readonly Asked[]) => {
        const rows = await STATEMENTS[step.name](pool, recordValues(batch));
        const changed = new Set(rows.map(({ order_id }) => order_id));
        if (changed.size > 0) eventsWritten(pool);
        return batch.map(({ order_id }) => changed.has(order_id));
      }, keyOf);
    this.#taking = { release: taking(RELEASE), commit: taking(COMMIT), return: taking(RETURN) };
  }

  /** Holds the items, which are in order of product id, or nothing. "exists" when the order has a reservation of any state. */
  async reserve(orderId: string, items: readonly Item[]): Promise<"reserved" | "exists" | OutOfStock> {
    for (;;) {
      const row = await this.#reserving.do(asked(orderId, items));
      if (row?.reserved) return "reserved";
      if (row?.missing) {
        const requested = items.find(({ productId }) => productId === row.missing)?.quantity ?? 0n;
        return new OutOfStock("reserve", row.missing, requested, row.available ?? 0n);
      }
      if (row?.fits !== false) return "exists";
      // Orders ahead of it in the batch did not fit: try again with what they left.
    }
  }

  /** Takes the step; answers whether it changed anything. */
  take(step: ReservationStep, orderId: string): Promise<boolean> {
    return this.#taking[step.name].do(asked(orderId));
  }

  /** Releases a reservation and leaves its goods where they are; answers whether it changed anything. */
  async releaseOnPaper(orderId: string): Promise<boolean> {
    const rows = await releaseOnPaper(this.#pool, [orderId]);
    return rows.length > 0;
  }

  /** The reservation of an order, whatever its state. */
  async find(orderId: string): Promise<{ state: ReservationState; items: Item[] } | undefined> {
    const [row] = await findReservation(this.#pool, [orderId]);
    if (!row) return undefined;
    return { state: row.state, items: row.items.map((item) => ({ ...item, quantity: BigInt(item.quantity) })) };
  }
}
