/** Into the shop by the edge, as users come. */
import type { Shop } from "@row/laptop/shop/shop.ts";
import { type Answer, expectOk, Rest } from "../harness/rest.ts";
import { type Door, Refused, Trouble } from "./shopper.ts";

const SHIPPING_ADDRESS = {
  recipient: "A. Customer",
  line1: "1 Long Street",
  city: "Berlin",
  postalCode: "10115",
  countryCode: "DE",
};

/** A busy or recovering shop, in HTTP's words. */
const PASSING = new Set([408, 429, 499, 502, 503, 504]);

/** The access token of a demo user. */
export function signIn(shop: Shop, user: string): Promise<string> {
  return signInAt(edgeOf(shop), user, shop.infrastructure.secrets.demoPassword);
}

/** The access token of a demo user of a shop that runs elsewhere. */
export async function signInAt(rest: Rest, user: string, password: string): Promise<string> {
  return expectOk(await rest.post("/v1/auth/login", { email: `${user}@example.com`, password })).accessToken;
}

export function edgeOf(shop: Shop): Rest {
  return new Rest(`http://${shop.process("edge").address}`);
}

/** What a customer does at the edge. */
export function restDoor(rest: Rest, token: string): Door {
  const bodyOf = async (asked: Promise<Answer>) => {
    const { status, body } = await asked.catch((error: Error) => {
      throw new Trouble(error.message);
    });
    if (status < 300) return body;
    const reason: string = body?.details?.find((detail: { reason?: string }) => detail.reason)?.reason ?? "";
    if (PASSING.has(status) || reason === "ORDER_BUSY") throw new Trouble(`${status} ${reason}`);
    throw new Refused(reason, `${status} ${JSON.stringify(body)}`);
  };
  return {
    async place({ items, paymentToken }, key) {
      const wish = { items, paymentToken, shippingAddress: SHIPPING_ADDRESS };
      const { order } = await bodyOf(rest.post("/v1/orders", wish, { token, key }));
      return order.id;
    },
    async cancel(id, key) {
      await bodyOf(rest.post(`/v1/orders/${id}:cancel`, {}, { token, key }));
    },
    async get(id) {
      const { order } = await bodyOf(rest.get(`/v1/orders/${id}`, { token }));
      return { state: order.state.replace("STATE_", ""), cancelReason: order.cancelReason ?? "" };
    },
  };
}
