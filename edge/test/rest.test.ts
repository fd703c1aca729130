import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Order_State } from "@row/gen/es/shop/orders/v1/order_pb.ts";
import type { PlaceOrderRequest } from "@row/gen/es/shop/orders/v1/order_service_pb.ts";
import { InvalidField } from "@row/runtime/domain-error.ts";
import { toAnswer } from "@row/runtime/rpc/status.ts";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { bareStatus, EdgeUnderTest, ORDER_ID, PRODUCT_ID, refusal, USER_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
});
afterAll(() => edge.stop());
afterEach(() => {
  edge.catalog.forget();
  edge.orders.forget();
});

const product = {
  id: PRODUCT_ID,
  sku: "MUG-1",
  name: "Mug",
  version: 9_007_199_254_740_993n,
  price: { currencyCode: "EUR", units: 12n, nanos: 500_000_000 },
};
const order = {
  items: [{ productId: PRODUCT_ID, quantity: 2 }],
  paymentToken: "tok_ok",
  shippingAddress: { recipient: "A", line1: "1 Row", city: "Here", postalCode: "1000", countryCode: "DE" },
};
const placed = () => ({ order: { id: ORDER_ID, state: Order_State.PENDING } });

test("answers a message as proto3 JSON, zero values included and absent messages left out", async () => {
  edge.catalog.on("getProduct", () => ({ product }));
  const answer = await edge.fetch(`/v1/products/${PRODUCT_ID}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  assert.deepEqual(await answer.json(), {
    product: {
      id: PRODUCT_ID,
      sku: "MUG-1",
      name: "Mug",
      description: "",
      categoryId: "",
      price: { currencyCode: "EUR", units: "12", nanos: 500_000_000 },
      available: false,
      version: "9007199254740993",
    },
  });
});

test("sends query parameters as fields", async () => {
  edge.catalog.on("listProducts", () => ({ products: [] }));
  const answer = await edge.fetch("/v1/products?pageSize=5&page_token=a%2Bb+c&categoryId=mugs");
  assert.deepEqual(await answer.json(), { products: [], nextPageToken: "" });
  assert.deepEqual(edge.catalog.received[0]?.request, {
    $typeName: "shop.catalog.v1.ListProductsRequest",
    pageSize: 5,
    pageToken: "a+b c",
    categoryId: "mugs",
  });
});

test("joins path and body into one request", async () => {
  edge.catalog.on("changePrice", () => ({ product }));
  const authorization = `Bearer ${await edge.auth.tokenFor({ roles: ["merchant"] })}`;
  const body = { price: { currencyCode: "EUR", units: "13" }, requestId: randomUUID() };
  const answer = await edge.send("POST", `/v1/products/${PRODUCT_ID}:changePrice`, body, { authorization });
  assert.equal(answer.status, 200);
  const { id, requestId } = edge.catalog.requestAt<{ id: string; requestId: string }>(0);
  assert.deepEqual({ id, requestId }, { id: PRODUCT_ID, requestId: body.requestId });
});

test("takes a verb without a body", async () => {
  edge.orders.on("cancelOrder", placed);
  const answer = await edge.send("POST", `/v1/orders/${ORDER_ID}:cancel`);
  assert.equal(answer.status, 200);
  assert.equal(edge.orders.requestAt<{ id: string }>(0).id, ORDER_ID);
});

test("carries token, correlation id and identity to the service, and says who served", async () => {
  edge.orders.on("getOrder", placed);
  const token = await edge.auth.tokenFor({ id: USER_ID });
  const answer = await edge.fetch(`/v1/orders/${ORDER_ID}`, {
    headers: { authorization: `bearer ${token}`, "x-correlation-id": "abc-1" },
  });
  assert.equal(answer.headers.get("x-correlation-id"), "abc-1");
  assert.equal(answer.headers.get("x-served-by"), "edge/v1/edge-v1-1, orders/v1/orders-v1-1, catalog/v1/catalog-v1-1");
  const metadata = edge.orders.received[0]?.metadata;
  assert.deepEqual(metadata?.get("authorization"), [`Bearer ${token}`]);
  assert.deepEqual(metadata?.get("x-correlation-id"), ["abc-1"]);
  assert.match(String(metadata?.get("l5d-client-id")[0]), /^edge\.shop\.serviceaccount/);
});

test("begins a trace of its own, in which a caller's tracestate goes along (W3C Trace Context, section 3.4: Restart trace)", async () => {
  edge.orders.on("getOrder", placed);
  const theirs = "0af7651916cd43dd8448eb211c80319c";
  const headers = { traceparent: `00-${theirs}-b7ad6b7169203331-01`, tracestate: "foo=1" };
  await edge.send("GET", `/v1/orders/${ORDER_ID}`, undefined, headers);
  await edge.send("GET", `/v1/orders/${ORDER_ID}`, undefined, headers);
  await edge.send("POST", "/shop.orders.v1.OrderService/GetOrder", { id: ORDER_ID }, headers);
  const traces = edge.orders.received.map(({ metadata }) => String(metadata.get("traceparent")[0]).split("-")[1]);
  assert.equal(new Set([theirs, ...traces]).size, 4, "each request is a trace, and none is the caller's");
  assert.deepEqual(
    edge.orders.received.map(({ metadata }) => metadata.get("tracestate")),
    [["foo=1"], ["foo=1"], ["foo=1"]],
  );
});

test("carries the version that somebody wants to see to the service, and nothing else of the baggage", async () => {
  edge.orders.on("getOrder", placed);
  await edge.send("GET", `/v1/orders/${ORDER_ID}`, undefined, {
    "x-preview": "v2",
    baggage: "userId=alice,preview=v1",
  });
  await edge.send("GET", `/v1/orders/${ORDER_ID}`);
  const sent = edge.orders.received.map(({ metadata }) => [metadata.get("baggage"), metadata.get("x-preview")]);
  assert.deepEqual(sent, [
    [["preview=v2"], ["v2"]],
    [[], []],
  ]);
});

test("makes a correlation id when the given one could do harm", async () => {
  edge.catalog.on("listCategories", () => ({ categories: [] }));
  const answer = await edge.fetch("/v1/categories", { headers: { "x-correlation-id": '"><script>' } });
  assert.match(answer.headers.get("x-correlation-id") ?? "", /^[0-9a-f-]{36}$/);
});

test("gives a call the time of its class, and less when the caller asks for less", async () => {
  edge.catalog.on("getProduct", () => ({ product }));
  edge.catalog.on("listProducts", () => ({ products: [] }));
  await edge.fetch(`/v1/products/${PRODUCT_ID}`);
  await edge.fetch("/v1/products");
  await edge.fetch("/v1/products", { headers: { "x-server-timeout": "0.3" } });
  await edge.fetch("/v1/products", { headers: { "x-server-timeout": "60" } });
  const [fast = 0, normal = 0, asked = 0, tooLong = 0] = edge.catalog.received.map(({ deadlineMs }) => deadlineMs);
  assert.ok(fast > 100 && fast <= 500, `${fast}`);
  assert.ok(normal > 1_000 && normal <= 2_000, `${normal}`);
  assert.ok(asked > 50 && asked <= 300, `${asked}`);
  assert.ok(tooLong > 1_000 && tooLong <= 2_000, `${tooLong}`);
});

test("answers 504 when the service takes too long", async () => {
  edge.catalog.on("getProduct", () => new Promise(() => {}));
  const answer = await edge.fetch(`/v1/products/${PRODUCT_ID}`, { headers: { "x-server-timeout": "0.1" } });
  assert.equal(answer.status, 504);
  assert.equal((await detailsOf(answer))[0]?.reason, "DEADLINE_EXCEEDED");
});

test("cancels the call when the client goes away", async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const reached = Promise.withResolvers<void>();
  edge.catalog.on("listProducts", (_call, cancelled) => {
    cancelled.addEventListener("abort", () => resolve(true));
    reached.resolve();
    return new Promise(() => {});
  });
  const client = new AbortController();
  const answer = edge.fetch("/v1/products", { signal: client.signal });
  await reached.promise;
  client.abort();
  await assert.rejects(answer);
  assert.equal(await promise, true);
});

test("trouble of what a service depends on is a 503 with Retry-After, though no breaker counts it", async () => {
  edge.orders.on("getOrder", () => {
    throw refusal("dependency", "DEPENDENCY_UNAVAILABLE", "Cannot answer now");
  });
  const answer = await edge.send("GET", `/v1/orders/${ORDER_ID}`);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "1");
  const body = await answer.clone().json();
  assert.ok(typeof body === "object" && body !== null && "code" in body);
  assert.equal(body.code, 14);
  assert.deepEqual(
    (await detailsOf(answer)).map((detail) => detail["@type"]),
    ["type.googleapis.com/google.rpc.ErrorInfo", "type.googleapis.com/google.rpc.RetryInfo"],
  );
});

test("a service that had no time, because the client gave none, is a 504 with the service's own reason", async () => {
  edge.orders.on("getOrder", () => {
    throw refusal("cut-short", "DEADLINE_EXCEEDED", "Cannot answer in time");
  });
  const answer = await edge.send("GET", `/v1/orders/${ORDER_ID}`);
  assert.equal(answer.status, 504);
  assert.equal((await detailsOf(answer))[0]?.reason, "DEADLINE_EXCEEDED");
});

for (const [kind, code, status] of [
  ["not-found", 5, 404],
  ["refused", 9, 400],
  ["aborted", 10, 409],
  ["already-exists", 6, 409],
  ["forbidden", 7, 403],
  ["exhausted", 8, 429],
  ["unavailable", 14, 503],
  ["caller-gone", 1, 499],
] as const) {
  test(`answers ${status} for a refusal of the kind "${kind}", with its reason`, async () => {
    edge.orders.on("getOrder", () => {
      throw refusal(kind, "CONFLICT", "Cannot do it");
    });
    const answer = await edge.send("GET", `/v1/orders/${ORDER_ID}`);
    assert.equal(answer.status, status);
    assert.equal(
      answer.headers.get("x-served-by"),
      "edge/v1/edge-v1-1, orders/v1/orders-v1-1, catalog/v1/catalog-v1-1",
    );
    assert.deepEqual(await answer.json(), {
      code,
      message: "Cannot do it",
      details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "CONFLICT", domain: "shop" }],
    });
  });
}

test("names the fields of a service's refusal as JSON names them", async () => {
  edge.orders.on("listOrders", () => {
    throw refusal("invalid", "INVALID_REQUEST", "is of another list", "page_token");
  });
  const details = await detailsOf(await edge.send("GET", "/v1/orders?pageToken=x"));
  assert.equal(details[1]?.fieldViolations?.[0]?.field, "pageToken");
});

test("tells nothing of a fault inside a service", async () => {
  edge.orders.on("getOrder", () => {
    throw bareStatus(13, "password=hunter2 at db.ts:3");
  });
  const answer = await edge.send("GET", `/v1/orders/${ORDER_ID}`);
  assert.equal(answer.status, 500);
  const text = await answer.text();
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, new RegExp(answer.headers.get("x-correlation-id") ?? "none"));
});

test("answers 503 without naming addresses when a service is not there", async () => {
  const answer = await edge.send("GET", `/v1/payments/${ORDER_ID}`);
  assert.equal(answer.status, 503);
  const text = await answer.text();
  assert.match(text, /payments is not reachable/);
  assert.doesNotMatch(text, /127\.0\.0\.1/);
});

test("turns an Idempotency-Key into the same request_id for the same user, method and key only", async () => {
  edge.orders.on("placeOrder", placed);
  const other = { authorization: `Bearer ${await edge.auth.tokenFor()}` };
  await edge.send("POST", "/v1/orders", order, { "idempotency-key": "k1" });
  await edge.send("POST", "/v1/orders", order, { "idempotency-key": "k1" });
  await edge.send("POST", "/v1/orders", order, { "idempotency-key": "k2" });
  await edge.send("POST", "/v1/orders", order, { "idempotency-key": "k1", ...other });
  await edge.send("POST", "/v1/orders", order);
  const ids = edge.orders.received.map(({ request }) => (request as PlaceOrderRequest).requestId);
  assert.equal(ids[0], ids[1]);
  assert.equal(new Set(ids).size, 4);
  assert.match(ids[0] ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-5/);
  assert.match(ids[4] ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

test("takes a UUID in capitals for the same UUID, in a body, a path and an Idempotency-Key (RFC 9562, section 4)", async () => {
  edge.orders.on("placeOrder", placed);
  edge.catalog.on("getProduct", () => ({ product }));
  const id = randomUUID();
  await edge.send("POST", "/v1/orders", { ...order, requestId: id.toUpperCase() });
  assert.equal(edge.orders.requestAt<PlaceOrderRequest>(0).requestId, id);
  await edge.send("GET", `/v1/products/${PRODUCT_ID.toUpperCase()}`);
  assert.equal(edge.catalog.requestAt<{ id: string }>(0).id, PRODUCT_ID);
  await edge.send("POST", "/v1/orders", order, { "idempotency-key": id });
  await edge.send("POST", "/v1/orders", order, { "idempotency-key": id.toUpperCase() });
  const [small, capital] = [1, 2].map((at) => edge.orders.requestAt<PlaceOrderRequest>(at).requestId);
  assert.equal(small, capital);
});

test("passes on the request_id of a body, and refuses it beside an Idempotency-Key", async () => {
  edge.orders.on("placeOrder", placed);
  const requestId = randomUUID();
  assert.equal((await edge.send("POST", "/v1/orders", { ...order, requestId })).status, 200);
  assert.equal(edge.orders.requestAt<PlaceOrderRequest>(0).requestId, requestId);
  const both = await edge.send("POST", "/v1/orders", { ...order, requestId }, { "idempotency-key": "k" });
  assert.equal(both.status, 400);
  assert.match(await both.text(), /requestId/);
  assert.equal(edge.orders.received.length, 1);
});

test("answers 304 to a caller that has the answer already", async () => {
  edge.catalog.on("getProduct", () => ({ product }));
  const first = await edge.fetch(`/v1/products/${PRODUCT_ID}`);
  const etag = first.headers.get("etag") ?? "";
  assert.match(etag, /^W\/"/);
  const again = await edge.fetch(`/v1/products/${PRODUCT_ID}`, { headers: { "if-none-match": `"x", ${etag}` } });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), "");
  const other = await edge.fetch(`/v1/products/${PRODUCT_ID}`, { headers: { "if-none-match": '"x"' } });
  assert.equal(other.status, 200);
});

test("answers HEAD with the head of GET", async () => {
  edge.catalog.on("getProduct", () => ({ product }));
  const answer = await edge.fetch(`/v1/products/${PRODUCT_ID}`, { method: "HEAD" });
  assert.equal(answer.status, 200);
  assert.ok(Number(answer.headers.get("content-length")) > 100);
  assert.equal(await answer.text(), "");
});

test("lets pages of allowed origins read answers, and no others", async () => {
  edge.catalog.on("listCategories", () => ({ categories: [] }));
  const from = async (origin: string) => {
    const answer = await edge.fetch("/v1/categories", { headers: { origin } });
    return answer.headers.get("access-control-allow-origin");
  };
  assert.equal(await from("https://shop.example"), "https://shop.example");
  assert.equal(await from("http://localhost:3000"), "http://localhost:3000");
  assert.equal(await from("http://localhost.evil.example"), null);
  assert.equal(await from("http://localhost:3000.evil.example"), null);
  assert.equal(await from("https://evil.example"), null);
});

test("answers a preflight without asking a service", async () => {
  const headers = { origin: "https://shop.example", "access-control-request-method": "PATCH" };
  const answer = await edge.fetch(`/v1/products/${PRODUCT_ID}`, { method: "OPTIONS", headers });
  assert.equal(answer.status, 204);
  assert.match(answer.headers.get("access-control-allow-methods") ?? "", /PATCH/);
  const allowed = answer.headers.get("access-control-allow-headers")?.split(", ") ?? [];
  for (const name of ["idempotency-key", "baggage", "x-preview"]) assert.ok(allowed.includes(name), name);
});

test("marks every answer as data that must not run or be framed", async () => {
  for (const path of ["/v1/products/none", "/v2", "/nowhere"]) {
    const { headers } = await edge.fetch(path);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/);
  }
});

interface Detail {
  readonly "@type": string;
  readonly reason?: string;
  readonly fieldViolations?: readonly { readonly field: string }[];
}

async function detailsOf(answer: Response): Promise<readonly Detail[]> {
  const body = (await answer.json()) as { details: readonly Detail[] }; // google.rpc.Status
  return body.details;
}

test("takes Google's system parameters, which every generated REST client adds, and names an unknown one", async () => {
  edge.orders.on("getOrder", () => ({ order: { id: ORDER_ID, state: 1 } }));
  const orderAt = async (query: string) => (await edge.send("GET", `/v1/orders/${ORDER_ID}?${query}`)).text();
  assert.equal(JSON.parse(await orderAt("$alt=json")).order.state, "STATE_PENDING");
  assert.equal(JSON.parse(await orderAt("%24alt=json%3Benum-encoding%3Dint")).order.state, 1);
  assert.match(await orderAt("$prettyPrint=true&$fields=order.id"), /^\{\n {2}"order": \{\n/);
  assert.match(await orderAt("$alt=media"), /"\$alt: must be json/);
  assert.match(await orderAt("%24userProject=x"), /"\$userProject: there is no such parameter/);
});

test("takes them also where the fields are in the body", async () => {
  edge.orders.on("cancelOrder", () => ({}));
  const path = `/v1/orders/${ORDER_ID}:cancel?$alt=json;enum-encoding=int`;
  assert.equal((await edge.send("POST", path, {})).status, 200);
  const refusal = await edge.send("POST", `/v1/orders/${ORDER_ID}:cancel?%24nope=1`, {});
  assert.match(await refusal.text(), /"\$nope: there are no query parameters here/);
});

test("says that an answer depends on Origin also when none was sent, and that no page may embed it", async () => {
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
  for (const path of [`/v1/products/${PRODUCT_ID}`, "/openapi.json", "/v1/none"]) {
    const { headers } = await edge.fetch(path);
    assert.match(headers.get("vary") ?? "", /Origin/, path);
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin", path);
  }
});

test("takes a requestId and an Idempotency-Key that are equal for one, and refuses two that differ", async () => {
  edge.orders.on("cancelOrder", () => ({}));
  const key = "0190a0a0-0000-7000-8000-0000000000aa";
  const cancel = (requestId: string) =>
    edge.send("POST", `/v1/orders/${ORDER_ID}:cancel`, { requestId }, { "idempotency-key": key });
  for (const requestId of [key, key.toUpperCase()]) {
    assert.equal((await cancel(requestId)).status, 200);
    assert.equal(edge.orders.requestAt<{ requestId: string }>(edge.orders.received.length - 1).requestId, key);
  }
  const refused = await cancel("0190a0a0-0000-7000-8000-0000000000ab");
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /"requestId: is not what the Idempotency-Key header says/);
});

test("names a mask's fields as JSON has them, whatever the service calls them", async () => {
  edge.catalog.on("updateProduct", () => {
    const description = '"nope" cannot be changed: name name, description, category_id';
    throw Object.assign(new Error(), toAnswer(new InvalidField("update_mask.paths[0]", description), "").status);
  });
  const authorization = `Bearer ${await edge.auth.tokenFor({ roles: ["merchant"] })}`;
  const body = { name: "x", updateMask: "nope" };
  const answer = await edge.send("PATCH", `/v1/products/${PRODUCT_ID}`, body, { authorization });
  const { message, details } = (await answer.json()) as { message: string; details: Record<string, unknown>[] };
  const description = '"nope" cannot be changed: name name, description, categoryId';
  assert.equal(message, `updateMask: ${description}`);
  assert.partialDeepStrictEqual(details[1], { fieldViolations: [{ field: "updateMask", description }] });
});

test("names fields alike in message and details, also where there is too much to say", async () => {
  const items = Array.from({ length: 30 }, () => ({ productId: "mug", quantity: 0 }));
  const answer = await edge.send("POST", "/v1/orders", { items, paymentToken: "x" });
  const text = await answer.text();
  assert.equal(answer.status, 400);
  assert.match(text, /items\[0\]\.productId/);
  assert.doesNotMatch(text, /product_id|payment_token|shipping_address/);
});
