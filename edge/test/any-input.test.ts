import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
let token: string;
before(async () => {
  edge = await EdgeUnderTest.start(16080);
  token = await edge.auth.tokenFor({ roles: ["customer", "merchant", "admin"] });
  for (const rpc of ["placeOrder", "getOrder", "listOrders", "cancelOrder", "getOrderHistory"])
    edge.orders.on(rpc, () => ({}));
  edge.orders.on("watchOrder", async function* () {});
  const reads = ["getProduct", "listProducts", "searchProducts", "listCategories"];
  for (const rpc of [...reads, "createProduct", "updateProduct", "changePrice"]) edge.catalog.on(rpc, () => ({}));
});
after(() => edge.stop());

const order = { items: [{ productId: PRODUCT_ID, quantity: 1 }], paymentToken: "tok_ok" };
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("0", "-1", "1e400", "%", "%00", "%ff", "..", "null"),
);
const escaped = text.map((one) => encodeURIComponent(one.toWellFormed()));
const piece = fc.oneof(
  fc.constantFrom("v1", "orders", "products", "categories", ORDER_ID, PRODUCT_ID, ":cancel", "%zz", "%2F", ""),
  escaped,
);
const path = fc.oneof(
  fc.constantFrom(
    "/v1/orders",
    "/v1/products",
    `/v1/orders/${ORDER_ID}`,
    `/v1/orders/${ORDER_ID}:cancel`,
    `/v1/orders/${ORDER_ID}:watch`,
    "/v1/products:search",
    `/v1/products/${PRODUCT_ID}`,
  ),
  fc.array(piece, { maxLength: 5 }).map((pieces) => `/${pieces.join("/")}`),
  fc.constantFrom(
    "/shop.orders.v1.OrderService/PlaceOrder",
    "/shop.orders.v1.OrderService/WatchOrder",
    "/shop.catalog.v1.CatalogService/GetProduct",
  ),
);
const name = fc.oneof(
  fc.constantFrom("pageSize", "pageToken", "query", "id", "resumeToken", "updateMask", "price.units", "__proto__"),
  escaped,
);
const query = fc
  .array(
    fc.tuple(name, escaped).map((pair) => pair.join("=")),
    { maxLength: 3 },
  )
  .map((parts) => parts.join("&"));
const nearly = fc.tuple(
  fc.constantFrom(
    ...Object.keys(order),
    "price",
    "name",
    "updateMask",
    "requestId",
    "expectedTotal",
    "shippingAddress",
  ),
  fc.jsonValue({ maxDepth: 3 }),
);
const body = fc.oneof(
  nearly.map(([key, value]) => Buffer.from(JSON.stringify({ ...order, [key]: value }))),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(undefined),
);
const type = fc.constantFrom(
  "application/json",
  "application/json; charset=latin1",
  "application/proto",
  "application/connect+json",
  "application/grpc-web+proto",
  "application/grpc",
  "text/plain",
  "",
);
const method = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS");
const headerValue = fc.stringMatching(/^[\x21-\x7e\xa0-\xff]{0,20}$/);
const headerName = fc.constantFrom(
  "idempotency-key",
  "x-correlation-id",
  "traceparent",
  "accept",
  "last-event-id",
  "if-none-match",
  "x-server-timeout",
  "connect-timeout-ms",
  "grpc-timeout",
  "content-encoding",
  "origin",
);
const headers = fc.dictionary(headerName, headerValue, { maxKeys: 3 });

test("answers no input with a 5xx", { timeout: 120_000 }, async () => {
  const asked = fc.record({ method, path, query, body, type, headers });
  await fc.assert(
    fc.asyncProperty(asked, async (input) => {
      const { status, answer } = await send(input);
      assert.ok(status < 500 || isOfItsOwnAccord(status, answer), `${status} ${answer}`);
    }),
    { numRuns: 400, includeErrorInReport: true },
  );
});

/** A deadline of the caller's own that is too short to be met is no fault, and neither is a compression nobody knows. */
function isOfItsOwnAccord(status: number, answer: string): boolean {
  return (status === 504 && /deadline/i.test(answer)) || (status === 501 && /compression|unimplemented/i.test(answer));
}

interface Input {
  method: string;
  path: string;
  query: string;
  body: Buffer | undefined;
  type: string;
  headers: Record<string, string>;
}

/** Node's own client: fetch tidies up what it sends. */
function send(input: Input): Promise<{ status: number; answer: string }> {
  const headers: Record<string, string> = { ...input.headers, authorization: `Bearer ${token}` };
  // Node frames no body of a GET by itself.
  if (input.body) headers["content-length"] = String(input.body.length);
  if (input.type !== "" && input.body) headers["content-type"] = input.type;
  const target = input.query === "" ? input.path : `${input.path}?${input.query}`;
  const { port, hostname } = new URL(edge.url);
  return new Promise((resolve, reject) => {
    const sent = request({ port, hostname, path: target, method: input.method, headers, agent: false }, (response) => {
      let answer = "";
      response.on("data", (chunk) => {
        answer += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, answer }));
    });
    sent.on("error", reject);
    sent.end(input.body);
  });
}
