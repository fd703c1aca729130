import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Asking, expectOk } from "./rest.ts";
import type { Session, TheShop } from "./the-shop.ts";

export const ADDRESS = {
  recipient: "Alex Example",
  line1: "Main Street 1",
  line2: "",
  city: "Berlin",
  region: "",
  postalCode: "10115",
  countryCode: "DE",
};

export interface Wish {
  productId: string;
  quantity?: number;
  paymentToken?: string;
  expectedTotal?: object;
}

/** The body of POST /v1/orders for one product. */
export function orderOf({ productId, quantity = 1, paymentToken = "tok_ok", expectedTotal }: Wish): object {
  return { items: [{ productId, quantity }], paymentToken, shippingAddress: ADDRESS, expectedTotal };
}

export function place(shop: TheShop, session: Session, wish: Wish, asking: Asking = {}): Promise<Answer> {
  return shop.rest.post("/v1/orders", orderOf(wish), { token: session.accessToken, ...asking });
}

/** Waits until the order is in the state; fails when it is not in time. */
export async function reaches(
  shop: TheShop,
  session: Session,
  id: string,
  state: string,
  ms = 10_000,
): Promise<Answer["body"]> {
  const end = performance.now() + ms;
  for (;;) {
    const { order } = expectOk(await shop.rest.get(`/v1/orders/${id}`, { token: session.accessToken }));
    if (order.state === state) return order;
    if (performance.now() > end)
      throw new Error(`The order is ${order.state} ${order.cancelReason} after ${ms} ms, not ${state}`);
    await sleep(20);
  }
}

/** A product of a test's own, with stock. */
export async function newProduct(shop: TheShop, { stock = 10, units = "5", nanos = 0 } = {}): Promise<Answer["body"]> {
  const { accessToken: token } = await shop.demoUser("merchant");
  made += 1;
  const sku = `T-${process.pid}-${Date.now().toString(36).toUpperCase()}-${made}`;
  const { categories } = expectOk(await shop.rest.get("/v1/categories"));
  const price = { currencyCode: "EUR", units, nanos };
  const body = { sku, name: `Test ${sku}`, description: "For a test", categoryId: categories[0].id, price };
  const { product } = expectOk(await shop.rest.post("/v1/products", body, { token }));
  if (stock > 0) await adjustStock(shop, product.id, stock);
  return product;
}

let made = 0;

export async function adjustStock(shop: TheShop, productId: string, delta: number): Promise<Answer["body"]> {
  const { accessToken: token } = await shop.demoUser("merchant");
  const body = { delta: String(delta), reason: "a test" };
  return expectOk(await shop.rest.post(`/v1/products/${productId}:adjustStock`, body, { token })).stock;
}

/** on hand, reserved and sold, as the merchant sees them. */
export async function stockOf(
  shop: TheShop,
  productId: string,
): Promise<{ onHand: number; reserved: number; sold: number }> {
  const { accessToken: token } = await shop.demoUser("merchant");
  const { stock } = expectOk(await shop.rest.get(`/v1/products/${productId}/stock`, { token }));
  return { onHand: Number(stock.onHand ?? 0), reserved: Number(stock.reserved ?? 0), sold: Number(stock.sold ?? 0) };
}

/** What the gateway's log says the order's card was charged: captured, less given back. */
export async function chargedFor(shop: TheShop, orderId: string): Promise<number> {
  const log = (await shop.gatewayLog()).filter(
    ({ reference, outcome }) => reference === orderId && outcome === "applied",
  );
  const amount = ({ charge }: (typeof log)[number]) => Number(charge?.amountMinor ?? 0);
  const sum = (action: string) =>
    log.filter((entry) => entry.action === action).reduce((all, entry) => all + amount(entry), 0);
  return sum("capture") - sum("refund");
}
