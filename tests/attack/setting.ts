/** What attackers have: a shop, people who are signed in, and things of other people's. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "@row/load/seeded-random.ts";
import { DEMO_PRODUCTS } from "../chaos/demo-shelf.ts";
import { orderOf } from "../harness/ordering.ts";
import { expectOk } from "../harness/rest.ts";
import type { Session, TheShop } from "../harness/the-shop.ts";

export interface Setting {
  readonly shop: TheShop;
  /** By "customer", "merchant" and "admin". */
  readonly sessions: Readonly<Record<string, Session>>;
  /** Of somebody else's than the customer. */
  readonly foreignOrder: string;
  readonly foreignPayment: string;
  readonly productIds: readonly string[];
  /** The orders that anybody was told of. */
  readonly accepted: string[];
}

/** Tries something that must not work, or must work once; answers what went wrong, a sentence each. */
export type Attack = (setting: Setting, random: SeededRandom) => Promise<string[]>;

export async function prepare(shop: TheShop): Promise<Setting> {
  const [customer, merchant, admin, stranger] = await Promise.all(
    ["alice", "merchant", "admin", "bob"].map((name) => shop.demoUser(name)),
  );
  if (!customer || !merchant || !admin || !stranger) throw new Error("The demo users cannot sign in");
  const productIds = DEMO_PRODUCTS.slice(0, 20).map(({ id }) => id);
  for (const id of productIds) {
    const body = { delta: "10000", reason: "for attackers to want" };
    expectOk(await shop.rest.post(`/v1/products/${id}:adjustStock`, body, { token: merchant.accessToken }));
  }
  const token = stranger.accessToken;
  const { order } = expectOk(
    await shop.rest.post("/v1/orders", orderOf({ productId: productIds[0] ?? "" }), { token }),
  );
  for (;;) {
    const { paymentId } = expectOk(await shop.rest.get(`/v1/orders/${order.id}`, { token })).order;
    const sessions = { customer, merchant, admin };
    if (paymentId) {
      return { shop, sessions, foreignOrder: order.id, foreignPayment: paymentId, productIds, accepted: [order.id] };
    }
    await sleep(50);
  }
}
