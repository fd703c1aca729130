/** Orders that have come to their end since the run began: who cancelled them, and whether they keep what must always hold. */
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import type { Violation } from "@row/mesh/judge/second-counts.ts";
import { cardCharges } from "./card-charges.ts";
import { IdWindow } from "./id-window.ts";
import { type ChargedPayment, cardViolation, type EndedOrder, orderViolations } from "./invariants.ts";
import { cancelledExample, cancelledOrders, type PlacedOrder } from "./order-outcomes.ts";
import { idOfNow, type ReadOnly } from "./read-only.ts";
import type { Source } from "./source.ts";

/** What comes beyond that is told by the next look. */
const MOST_AT_ONCE = 1_000;

const NEW_ORDERS = `SELECT o.id::text, o.state, o.total_minor::text, o.items, s.finished_time IS NULL AS is_open,
    s.direction, s.reason, s.service_version
  FROM orders o JOIN sagas s ON s.order_id = o.id AND s.name = 'place-order'
  WHERE o.id >= $1::uuid AND NOT o.id = ANY($2::uuid[]) ORDER BY o.id LIMIT ${MOST_AT_ONCE}`;

const ATTEMPTS = `SELECT order_id::text, served_by FROM saga_attempts
  WHERE order_id = ANY($1::uuid[]) AND saga LIKE 'place-order/%' AND NOT undo AND outcome <> 'adopted'
  ORDER BY order_id, started_time`;

const PAYMENTS = `SELECT order_id::text, state, amount_minor::text, coalesce((
    SELECT sum(amount_minor) FROM ledger_entries
    WHERE transaction_id IN ('capture:' || payments.id, 'refund:' || payments.id)
      AND account = 'gateway_receivable' AND amount_minor > 0), 0)::text AS taken
  FROM payments WHERE order_id = ANY($1::uuid[])`;

const RESERVATIONS = "SELECT order_id::text, state FROM reservations WHERE order_id = ANY($1::uuid[])";

interface OrderRow {
  readonly id: string;
  readonly state: string;
  readonly total_minor: string;
  readonly items: readonly { readonly productId: string; readonly quantity: number; readonly unitPriceMinor: string }[];
  readonly is_open: boolean;
  readonly direction: string;
  readonly reason: string;
  readonly service_version: string;
}

/** @param cardGateway where it answers, for a service that moves money: what it has is then looked at as well */
export async function ordersSeen(
  databases: ReadOnly,
  arms: Arms,
  rule: JudgeRule,
  cardGateway?: string,
): Promise<Source | undefined> {
  const judgesOrders = rule.gates.some(({ name }) => name === "cancelled-orders");
  const invariants = new Set(Object.keys(rule.invariants));
  // Nobody asks; a shop of a few services has no orders at all.
  if (!judgesOrders && invariants.size === 0) return undefined;
  const window = new IdWindow(await idOfNow(databases, "orders"));
  return {
    name: "orders",
    async read(signal) {
      const found = await databases.rows<OrderRow>("orders", NEW_ORDERS, [window.from, window.taken]);
      const ended = found.filter((row) => !row.is_open);
      const [placed, violations, ofCards] = await Promise.all([
        judgesOrders ? placedOrders(databases, ended) : [],
        invariants.size > 0 ? violationsOf(databases, ended) : [],
        cardGateway && invariants.has("charge-total") ? cardViolations(cardGateway, ended, signal) : [],
      ]);
      window.saw(found.map((row) => ({ id: row.id, isOpen: row.is_open })));
      const example = cancelledExample(arms, placed);
      const broken = [...violations, ...ofCards].filter(({ invariant }) => invariants.has(invariant));
      return {
        ...(judgesOrders && { metrics: { "cancelled-orders": cancelledOrders(arms, placed) } }),
        ...(example && { examples: { "cancelled-orders": example } }),
        ...(broken.length > 0 && { violations: broken.slice(0, 1) }),
      };
    },
    close: async () => {},
  };
}

async function placedOrders(databases: ReadOnly, ended: readonly OrderRow[]): Promise<PlacedOrder[]> {
  const ids = ended.map(({ id }) => id);
  if (ids.length === 0) return [];
  const rows = await databases.rows<{ order_id: string; served_by: string }>("orders", ATTEMPTS, [ids]);
  const attempts = Map.groupBy(rows, (row) => row.order_id);
  return ended.map((row) => ({
    id: row.id,
    direction: row.direction,
    reason: row.reason,
    drivenBy: row.service_version,
    attempts: (attempts.get(row.id) ?? []).map((attempt) => ({ servedBy: attempt.served_by })),
  }));
}

/** Its saga is over, so that payment and reservation are as they stay: they are read after it. */
async function violationsOf(databases: ReadOnly, ended: readonly OrderRow[]): Promise<Violation[]> {
  const ids = ended.map(({ id }) => id);
  if (ids.length === 0) return [];
  const [payments, reservations] = await Promise.all([
    databases.rows<{ order_id: string; state: string; amount_minor: string; taken: string }>("payments", PAYMENTS, [
      ids,
    ]),
    databases.rows<{ order_id: string; state: string }>("inventory", RESERVATIONS, [ids]),
  ]);
  const paymentOf = new Map(payments.map((row) => [row.order_id, toPayment(row)]));
  const reservationOf = new Map(reservations.map((row) => [row.order_id, row.state]));
  return ended.flatMap((row) => orderViolations(toOrder(row), paymentOf.get(row.id), reservationOf.get(row.id) ?? ""));
}

async function cardViolations(address: string, ended: readonly OrderRow[], signal: AbortSignal): Promise<Violation[]> {
  const ids = ended.map(({ id }) => id);
  const charges = await cardCharges(address, ids, signal);
  return ended.flatMap((row) => cardViolation(toOrder(row), charges.get(row.id)) ?? []);
}

function toPayment(row: { state: string; amount_minor: string; taken: string }): ChargedPayment {
  return { state: row.state, amountMinor: BigInt(row.amount_minor), takenMinor: BigInt(row.taken) };
}

function toOrder({ id, state, total_minor, items }: OrderRow): EndedOrder {
  return {
    id,
    state,
    totalMinor: BigInt(total_minor),
    items: items.map(({ productId, quantity, unitPriceMinor }) => ({
      productId,
      quantity: BigInt(quantity),
      unitPriceMinor: BigInt(unitPriceMinor),
    })),
  };
}
