/** The stock of all products: that it adds up, is not negative, and that nothing stays reserved that no open order holds. */
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import type { Violation } from "@row/mesh/judge/second-counts.ts";
import { lowestId, msOf } from "./id-window.ts";
import { stockViolations } from "./invariants.ts";
import { idOfNow, type ReadOnly } from "./read-only.ts";
import type { Source } from "./source.ts";

/** Orders are open for minutes at most; what older ones hold stays as it is found when the run begins. */
const OLDEST_OPEN_MS = 15 * 60_000;
/** Reservations grow with the run: they are added up more rarely. */
const ADD_UP_EVERY_LOOKS = 5;

const BROKEN = `SELECT product_id::text, on_hand::text, reserved::text, sold::text, received::text FROM stock
  WHERE on_hand < 0 OR reserved < 0 OR sold < 0 OR on_hand + reserved + sold <> received LIMIT 1`;

/** What is reserved beyond what reservations say that they hold, in one snapshot. */
const UNHELD = `WITH held AS (
    SELECT (item->>'productId')::uuid AS product_id, sum((item->>'quantity')::bigint) AS quantity
    FROM reservations, jsonb_array_elements(items) AS item WHERE order_id >= $1::uuid AND state = 'RESERVED' GROUP BY 1)
  SELECT product_id::text, reserved::text, coalesce(quantity, 0)::text AS held
  FROM stock LEFT JOIN held USING (product_id) WHERE reserved <> coalesce(quantity, 0)`;

/** The newest order that gave such goods back, by its own reservation. */
const RELEASED = `SELECT order_id::text FROM reservations
  WHERE order_id >= $1::uuid AND state = 'RELEASED' AND items @> jsonb_build_array(jsonb_build_object('productId', $2::text))
  ORDER BY order_id DESC LIMIT 1`;

interface Unheld {
  readonly product_id: string;
  readonly reserved: string;
  readonly held: string;
}

export async function stockSeen(databases: ReadOnly, rule: JudgeRule): Promise<Source | undefined> {
  if (!Object.keys(rule.invariants).some((name) => name.startsWith("stock-"))) return undefined;
  const from = lowestId(msOf(await idOfNow(databases, "inventory")) - OLDEST_OPEN_MS);
  const unheld = () => databases.rows<Unheld>("inventory", UNHELD, [from]);
  const before = new Map((await unheld()).map((row) => [row.product_id, excess(row)]));
  let looks = 0;
  return {
    name: "stock",
    async read() {
      const broken = await databases.rows<Record<string, string>>("inventory", BROKEN);
      const violations = broken.flatMap((row) => stockViolations(toLevels(row)));
      const isDue = looks % ADD_UP_EVERY_LOOKS === 0;
      looks += 1;
      if (isDue) violations.push(...(await keptViolations()));
      return violations.length > 0 ? { violations: violations.slice(0, 1) } : {};
    },
    close: async () => {},
  };

  async function keptViolations(): Promise<Violation[]> {
    const [kept] = (await unheld()).filter((row) => excess(row) > (before.get(row.product_id) ?? 0n));
    if (!kept) return [];
    const [order] = await databases.rows<{ order_id: string }>("inventory", RELEASED, [from, kept.product_id]);
    const who = order ? `order ${order.order_id} gave back product` : "product";
    const example = `${who} ${kept.product_id}: ${kept.reserved} reserved, open orders hold ${kept.held}`;
    return [{ invariant: "stock-released", example }];
  }
}

function excess({ reserved, held }: Unheld): bigint {
  return BigInt(reserved) - BigInt(held);
}

function toLevels(row: Readonly<Record<string, string>>) {
  const level = (column: string) => BigInt(row[column] ?? 0);
  return {
    productId: row.product_id ?? "",
    onHand: level("on_hand"),
    reserved: level("reserved"),
    sold: level("sold"),
    received: level("received"),
  };
}
