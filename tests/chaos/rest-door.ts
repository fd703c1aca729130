/** Into the shop by the edge, as users come. */
import type { Shop } from "@row/cli/shop.ts";
import { type Door, Refused, Trouble } from "./shopper.ts";

const SHIPPING_ADDRESS = {
  recipient: "A. Customer",
  line1: "1 Long Street",
  city: "Berlin",
  postalCode: "10115",
  countryCode: "DE",
};

/** A busy or recovering shop, in HTTP's words; 409 is ABORTED when nothing else is said. */
const PASSING = new Set([408, 425, 429, 499, 502, 503, 504]);
const TIMEOUT_MS = 15_000;

/** The status of google.rpc.Status JSON, as far as a customer looks at it. */
interface Failure {
  readonly message?: string;
  readonly details?: readonly { readonly reason?: string }[];
}

/** Speaks REST with the edge of a shop. */
export class Rest {
  readonly #base: string;
  readonly #token: string;

  constructor(base: string, token = "") {
    this.#base = base;
    this.#token = token;
  }

  /** Signs a demo user in. */
  static async signIn(shop: Shop, user: string): Promise<Rest> {
    const base = `http://${shop.process("edge").address}`;
    const password = shop.infrastructure.secrets.demoPassword;
    const { accessToken } = await new Rest(base).call<{ accessToken: string }>("POST", "/v1/auth/login", {
      email: `${user}@example.com`,
      password,
    });
    return new Rest(base, accessToken);
  }

  /** One call. Trouble when it may pass, Refused when the shop says no. */
  async call<T>(method: string, path: string, body?: object, idempotencyKey?: string): Promise<T> {
    const headers = {
      "content-type": "application/json",
      ...(this.#token && { authorization: `Bearer ${this.#token}` }),
      ...(idempotencyKey && { "idempotency-key": idempotencyKey }),
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    let status: number;
    let text: string;
    try {
      const response = await fetch(this.#base + path, { method, headers, signal, body: body && JSON.stringify(body) });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new Trouble(String(error));
    }
    if (status < 300) return JSON.parse(text) as T; // the contract's own JSON
    if (PASSING.has(status)) throw new Trouble(`${status} ${text}`);
    const failure: Failure = text.startsWith("{") ? JSON.parse(text) : {};
    const reason = failure.details?.find((detail) => detail.reason)?.reason ?? "";
    if (reason === "CONFLICT" || reason === "REQUEST_IN_PROGRESS") throw new Trouble(text);
    throw new Refused(reason, `${method} ${path}: ${status} ${text}`);
  }
}

/** What a customer does at the edge. */
export function restDoor(rest: Rest): Door {
  return {
    async place({ items, paymentToken }, requestId) {
      const body = { items, paymentToken, shippingAddress: SHIPPING_ADDRESS };
      const { order } = await rest.call<{ order: { id: string } }>("POST", "/v1/orders", body, requestId);
      return order.id;
    },
    async cancel(id, requestId) {
      await rest.call("POST", `/v1/orders/${id}:cancel`, {}, requestId);
    },
    async get(id) {
      const { order } = await rest.call<{ order: { state: string; cancelReason?: string } }>("GET", `/v1/orders/${id}`);
      return { state: order.state.replace("STATE_", ""), cancelReason: order.cancelReason ?? "" };
    },
  };
}
