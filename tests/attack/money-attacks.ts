/** Attempts to pay less, to have twice what is paid once, or to touch what is somebody else's. */
import type { SeededRandom } from "@row/load/seeded-random.ts";
import { orderOf } from "../harness/ordering.ts";
import { type Answer, errorInfo } from "../harness/rest.ts";
import type { Attack, Setting } from "./setting.ts";

const CARDS = ["tok_ok", "tok_declined", "tok_insufficient_funds", "tok_flaky"] as const;

/** The same request several times at once, its id spelled in several ways (RFC 9562, section 4): one order. */
export const sameRequest: Attack = async (setting, random) => {
  const requestId = random.uuid();
  const wish = orderOf({
    productId: product(setting, random),
    quantity: random.between(1, 3),
    paymentToken: random.pick(CARDS),
  });
  const spelled = [requestId, requestId.toUpperCase(), requestId];
  const answers = await Promise.all(spelled.map((id) => order(setting, { ...wish, requestId: id })));
  const last = await order(setting, { ...wish, requestId });
  const ids = new Set([...answers, last].filter(isOk).map(({ body }) => body.order.id));
  if (ids.size > 1) return [`one request was answered with ${ids.size} orders`];
  return [...answers, last].flatMap((answer) => (isOk(answer) ? [] : asks(answer, "a repeated order", [409])));
};

/** Another order under a request id that was used. */
export const otherBody: Attack = async (setting, random) => {
  const requestId = random.uuid();
  const wish = { productId: product(setting, random), paymentToken: "tok_ok" };
  const first = await order(setting, { ...orderOf({ ...wish, quantity: 1 }), requestId });
  if (!isOk(first)) return asks(first, "an order", [200]);
  const second = await order(setting, { ...orderOf({ ...wish, quantity: 2 }), requestId });
  return asks(second, "another order under the same request id", [400, 409]);
};

/** A price of the customer's own, and amounts that are none. */
export const ownPrice: Attack = async (setting, random) => {
  const productId = product(setting, random);
  const changes = random.pick<object>([
    { expectedTotal: { currencyCode: "EUR", units: "0", nanos: 10_000_000 } },
    { expectedTotal: { currencyCode: "USD", units: "1", nanos: 0 } },
    { expectedTotal: { currencyCode: "EUR", units: "-5", nanos: 0 } },
    { expectedTotal: { currencyCode: "EUR", units: "1", nanos: -1 } },
    { total: { currencyCode: "EUR", units: "1", nanos: 0 } },
    { items: [{ productId, quantity: random.pick([0, -1, 1_001, 2_147_483_647, -2_147_483_648]) }] },
    { items: [{ productId, quantity: 1, unitPrice: { currencyCode: "EUR", units: "0", nanos: 1 } }] },
    { items: [{ productId, quantity: 0.5 }] },
    { items: [] },
    { customerId: setting.sessions.admin?.id },
  ]);
  const answer = await order(setting, { ...orderOf({ productId }), ...changes });
  return asks(answer, JSON.stringify(changes), [400]);
};

/** What is not one's own is not found, or not one's to do. */
export const foreign: Attack = async ({ shop, sessions, foreignOrder, foreignPayment, productIds }, random) => {
  const token = sessions.customer?.accessToken;
  const [id] = productIds;
  const price = { currencyCode: "EUR", units: "0", nanos: 10_000_000 };
  const [what, statuses, attempt] = random.pick<[string, number[], () => Promise<Answer>]>([
    ["to read an order", [404], () => shop.rest.get(`/v1/orders/${foreignOrder}`, { token })],
    ["to read a history", [404], () => shop.rest.get(`/v1/orders/${foreignOrder}/history`, { token })],
    ["to cancel an order", [404], () => shop.rest.post(`/v1/orders/${foreignOrder}:cancel`, {}, { token })],
    ["to read a payment", [404], () => shop.rest.get(`/v1/payments/${foreignPayment}`, { token })],
    ["to refund a payment", [403], () => shop.rest.post(`/v1/payments/${foreignPayment}:refund`, {}, { token })],
    ["to change a price", [403], () => shop.rest.post(`/v1/products/${id}:changePrice`, { price }, { token })],
    [
      "to add to the stock",
      [403],
      () => shop.rest.post(`/v1/products/${id}:adjustStock`, { delta: "5", reason: "gift" }, { token }),
    ],
    ["to order as nobody", [401], () => shop.rest.post("/v1/orders", orderOf({ productId: id ?? "" }))],
  ]);
  return asks(await attempt(), what, statuses);
};

/** Cancelled by two at once while it is on its way: at most one outcome, which the invariants judge. */
export const cancelTwice: Attack = async (setting, random) => {
  const placed = await order(
    setting,
    orderOf({ productId: product(setting, random), paymentToken: random.pick(CARDS) }),
  );
  if (!isOk(placed)) return asks(placed, "an order", [200]);
  const token = setting.sessions.customer?.accessToken;
  const cancel = () => setting.shop.rest.post(`/v1/orders/${placed.body.order.id}:cancel`, {}, { token });
  const answers = await Promise.all([cancel(), cancel()]);
  return answers.flatMap((answer) => (isOk(answer) ? [] : asks(answer, "to cancel twice", [400, 409])));
};

async function order({ shop, sessions, accepted }: Setting, body: object): Promise<Answer> {
  // Without the key that a test would send: here the body has the id, or the edge makes one.
  const answer = await shop.rest.post("/v1/orders", body, { token: sessions.customer?.accessToken, key: undefined });
  if (isOk(answer) && !accepted.includes(answer.body.order.id)) accepted.push(answer.body.order.id);
  return answer;
}

function product({ productIds }: Setting, random: SeededRandom): string {
  return productIds[random.between(0, productIds.length - 1)] ?? "";
}

function isOk({ status }: Answer): boolean {
  return status >= 200 && status <= 299;
}

function asks(answer: Answer, what: string, statuses: readonly number[]): string[] {
  if (statuses.includes(answer.status)) return [];
  return [`${what} was answered ${answer.status} ${errorInfo(answer)?.reason ?? ""}, not ${statuses.join(" or ")}`];
}
