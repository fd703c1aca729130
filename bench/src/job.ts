import type { HttpRequest } from "@row/load/http-request.ts";
import { demoProducts } from "./demo-products.ts";

/** Enough in stock that nothing is ever sold out. */
export const LOTS = 1_000_000;

const ITEMS_PER_ORDER = 2;

/** Reading a product, each in turn. */
export function readProducts(token?: string): HttpRequest[] {
  return demoProducts().map(({ id }) => ({
    method: "GET",
    path: `/v1/products/${id}`,
    // What is measured is the way to the database and back, not a cache.
    headers: { "cache-control": "no-cache", ...authorization(token) },
  }));
}

/** Placing an order of two products, always other ones. */
export function placeOrders(token: string): HttpRequest[] {
  const products = demoProducts();
  return [7, 19, 23].flatMap((step) =>
    products.map((_, first) => ({
      method: "POST",
      path: "/v1/orders",
      headers: { "content-type": "application/json", ...authorization(token) },
      body: JSON.stringify({
        items: Array.from({ length: ITEMS_PER_ORDER }, (_, item) => ({
          productId: products[(first + item * step) % products.length]?.id,
          quantity: 1,
        })),
        paymentToken: "tok_ok",
        shippingAddress: {
          recipient: "Alice Example",
          line1: "1 Canary Row",
          line2: "",
          city: "Lisbon",
          region: "",
          postalCode: "1100-001",
          countryCode: "PT",
        },
      }),
      isMutation: true,
    })),
  );
}

function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
