import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
  for (const rpc of ["placeOrder", "getOrder", "listOrders", "cancelOrder"]) edge.orders.on(rpc, () => ({}));
  for (const rpc of ["getProduct", "listProducts", "searchProducts", "updateProduct"]) edge.catalog.on(rpc, () => ({}));
});
afterAll(() => edge.stop());
afterEach(() => {
  // Whatever is wrong is refused here: no service ever hears of it.
  const heard = [...edge.orders.received, ...edge.catalog.received].map(({ rpc }) => rpc);
  edge.orders.received.length = 0;
  edge.catalog.received.length = 0;
  assert.deepEqual(heard, []);
});

const item = { productId: PRODUCT_ID, quantity: 1 };
const shippingAddress = { recipient: "A", line1: "1 Row", city: "Here", postalCode: "1000", countryCode: "DE" };
const order = { items: [item], paymentToken: "tok_ok", shippingAddress };

interface Refusal {
  code: number;
  message: string;
  details: { "@type": string; reason?: string; fieldViolations?: { field: string; description: string }[] }[];
}

async function refusalOf(answer: Response, status: number): Promise<Refusal> {
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  return JSON.parse(text);
}

function fieldOf({ details }: Refusal): string | undefined {
  return details.find((detail) => detail.fieldViolations)?.fieldViolations?.[0]?.field;
}

for (const [what, body, field] of [
  ["an unknown field", { ...order, total: { units: "1" } }, "total"],
  ["an unknown field deep inside", { ...order, items: [item, { ...item, price: 1 }] }, "items[1].price"],
  ["a price sent by the client", { ...order, items: [{ ...item, unitPrice: { units: "1" } }] }, "items[0].unitPrice"],
  ["__proto__ as a field", JSON.parse('{"__proto__": {"a": 1}}'), "__proto__"],
  ["a number for a string", { ...order, paymentToken: 5 }, "paymentToken"],
  ["a string for a list", { ...order, items: "all" }, "items"],
  ["a string for an object", { ...order, shippingAddress: "home" }, "shippingAddress"],
  ["a fraction for a whole number", { ...order, items: [{ ...item, quantity: 1.5 }] }, "items[0].quantity"],
  ["null in a list", { ...order, items: [item, null] }, "items[1]"],
  ["a lone surrogate", { ...order, paymentToken: "tok_\ud800" }, "paymentToken"],
  ["a missing payment token", { ...order, paymentToken: undefined }, "paymentToken"],
  ["a missing address", { ...order, shippingAddress: undefined }, "shippingAddress"],
  ["a missing product id", { ...order, items: [{ quantity: 1 }] }, "items[0].productId"],
  ["a malformed product id", { ...order, items: [{ ...item, productId: "mug" }] }, "items[0].productId"],
  ["quantity 0", { ...order, items: [{ ...item, quantity: 0 }] }, "items[0].quantity"],
  ["quantity -1", { ...order, items: [{ ...item, quantity: -1 }] }, "items[0].quantity"],
  ["quantity 10⁹", { ...order, items: [{ ...item, quantity: 1_000_000_000 }] }, "items[0].quantity"],
  ["quantity 10¹²", { ...order, items: [{ ...item, quantity: 1e12 }] }, "items[0].quantity"],
  ["an empty order", { ...order, items: [] }, "items"],
  ["1,000 items", { ...order, items: Array.from({ length: 1_000 }, () => item) }, "items"],
  ["a malformed request_id", { ...order, requestId: "again" }, "requestId"],
  ["a list for the body", [order], "body"],
  ["null for the body", null, "body"],
  ["no field at all", {}, "items"],
] as const) {
  test(`refuses ${what} and names it`, async () => {
    const refusal = await refusalOf(await edge.send("POST", "/v1/orders", body), 400);
    assert.equal(refusal.code, 3);
    assert.equal(fieldOf(refusal), field);
    assert.ok(refusal.message.startsWith(`${field}: `), refusal.message);
  });
}

for (const [path, field] of [
  ["/v1/products?size=5", "size"],
  ["/v1/products?pageSize=ten", "pageSize"],
  ["/v1/products?pageSize=", "pageSize"],
  ["/v1/products?pageSize=-1", "pageSize"],
  ["/v1/products?pageSize=99999999999", "pageSize"],
  ["/v1/products?pageSize=1&pageSize=2", "pageSize"],
  ["/v1/products?pageSize.x=1", "pageSize.x"],
  ["/v1/products?__proto__=1", "__proto__"],
  ["/v1/products?constructor.prototype=1", "constructor.prototype"],
  ["/v1/products:search", "query"],
  [`/v1/products:search?query=${"x".repeat(201)}`, "query"],
  ["/v1/products/mug", "id"],
  ["/v1/products/%00", "id"],
  [`/v1/products/${PRODUCT_ID}?id=${PRODUCT_ID}`, "id"],
] as const) {
  test(`refuses GET ${path.slice(0, 60)} and names ${field}`, async () => {
    assert.equal(fieldOf(await refusalOf(await edge.fetch(path), 400)), field);
  });
}

test("refuses a path or a query that is no UTF-8", async () => {
  for (const path of ["/v1/products?categoryId=%ff", "/v1/products/%E2%82", "/v1/%zz", "/%zz"]) {
    await refusalOf(await edge.fetch(path), 400);
  }
});

test("refuses query parameters where the body has the fields", async () => {
  assert.equal(
    fieldOf(await refusalOf(await edge.send("POST", "/v1/orders?paymentToken=tok_ok", order), 400)),
    "paymentToken",
  );
});

test("refuses an id in the body that is not the one in the path", async () => {
  const body = { id: PRODUCT_ID };
  assert.equal(fieldOf(await refusalOf(await edge.send("POST", `/v1/orders/${ORDER_ID}:cancel`, body), 400)), "id");
});

test("refuses a body where there is none", async () => {
  const authorization = `Bearer ${await edge.auth.tokenFor()}`;
  const headers = { authorization, "content-type": "application/json" };
  const answer = await edge.fetch("/v1/orders", { method: "DELETE", headers, body: "{}" });
  await refusalOf(answer, 405);
});

for (const [what, body, place] of [
  ["an unfinished object", '{"items": [', /ends too early/],
  ["no JSON at all", "items=1", /line 1, column 1/],
  ["a comma too many", '{\n  "items": [],\n}', /line 3, column 1/],
  ["NaN", '{"items": NaN}', /line 1, column 11/],
] as const) {
  test(`refuses ${what} and says where`, async () => {
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}`, "content-type": "application/json" };
    const refusal = await refusalOf(await edge.fetch("/v1/orders", { method: "POST", headers, body }), 400);
    assert.match(refusal.message, place);
  });
}

test("refuses a body that is no UTF-8", async () => {
  const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}`, "content-type": "application/json" };
  const body = Buffer.concat([Buffer.from('{"paymentToken":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
  assert.match(
    (await refusalOf(await edge.fetch("/v1/orders", { method: "POST", headers, body }), 400)).message,
    /UTF-8/,
  );
});

test("refuses JSON that is nested too deep, however it is nested", async () => {
  const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}`, "content-type": "application/json" };
  for (const [open, close] of [
    ["[", "]"],
    ['{"items":', "}"],
  ] as const) {
    const body = `${open.repeat(50_000)}1${close.repeat(50_000)}`;
    const refusal = await refusalOf(await edge.fetch("/v1/orders", { method: "POST", headers, body }), 400);
    assert.match(refusal.message, /deeper than 64/);
  }
});

test("refuses a body of 2 MB, announced or not", async () => {
  const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}`, "content-type": "application/json" };
  const body = JSON.stringify({ ...order, paymentToken: "x".repeat(2_000_000) });
  const refusal = await refusalOf(await edge.fetch("/v1/orders", { method: "POST", headers, body }), 413);
  assert.equal(refusal.details[0]?.reason, "BODY_TOO_LARGE");
  const stream = new Blob([body]).stream();
  const unannounced: RequestInit = { method: "POST", headers, body: stream, duplex: "half" };
  await refusalOf(await edge.fetch("/v1/orders", unannounced), 413);
});

for (const type of [
  "application/x-www-form-urlencoded",
  "text/plain",
  "application/xml",
  "multipart/form-data; boundary=x",
  "nonsense",
]) {
  test(`refuses a body of type ${type}`, async () => {
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}`, "content-type": type };
    const refusal = await refusalOf(await edge.fetch("/v1/orders", { method: "POST", headers, body: "{}" }), 415);
    assert.match(refusal.message, /application\/json/);
  });
}

test("refuses a compressed body, and says to send it as it is", async () => {
  const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}`, "content-type": "application/json" };
  for (const coding of ["gzip", "br", "nonsense"]) {
    const body = gzipSync(JSON.stringify(order));
    const coded = { method: "POST", headers: { ...headers, "content-encoding": coding }, body };
    const answer = await edge.fetch("/v1/orders", coded);
    assert.equal(answer.headers.get("accept-encoding"), "identity");
    assert.equal((await refusalOf(answer, 415)).details[0]?.reason, "CONTENT_ENCODING_UNSUPPORTED");
  }
});

for (const [what, key] of [
  ["an empty", ""],
  ["too long a", "k".repeat(256)],
  ["an unprintable", "caf\u00e9"],
] as const) {
  test(`refuses ${what} Idempotency-Key`, async () => {
    const answer = await edge.send("POST", "/v1/orders", order, { "idempotency-key": key });
    assert.equal(fieldOf(await refusalOf(answer, 400)), "Idempotency-Key");
  });
}

test("refuses a timeout that is no time", async () => {
  for (const seconds of ["soon", "-1", "0", "1e9", "0.000001", "0.009"]) {
    const answer = await edge.fetch("/v1/products", { headers: { "x-server-timeout": seconds } });
    assert.equal(fieldOf(await refusalOf(answer, 400)), "X-Server-Timeout");
  }
});

test("answers 404 for a path that is not there", async () => {
  for (const path of [
    "/x",
    "/v1",
    "/v1/",
    "/v1/carts",
    "/v1/orders/",
    "/v1/orders//",
    "/.well-known/none",
    "/v2/products",
    "/shop.orders.v1.OrderService/None",
  ]) {
    const answer = await edge.fetch(path, { method: "POST", headers: { authorization: "Bearer x" } });
    assert.equal((await refusalOf(answer, 404)).code, 5, path);
  }
});

test("answers 405 for a method that a path does not know, and says which it does", async () => {
  for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
    const answer = await edge.fetch("/v1/orders", { method });
    assert.equal(answer.headers.get("allow"), "GET, POST", method);
    await refusalOf(answer, 405);
  }
});

test("answers 405 for a method that nobody declared before it looks at body or headers (RFC 9110 §15.5.6)", async () => {
  const asked = [
    ["QUERY", "/v1/orders", "GET, POST"],
    ["PUT", `/v1/orders/${ORDER_ID}`, "GET"],
    ["QUERY", "/docs", "GET, HEAD"],
    ["PUT", "/openapi.json", "GET, HEAD"],
    ["QUERY", "/shop.orders.v1.OrderService/PlaceOrder", "POST"],
    ["QUERY", "/shop.catalog.v1.CatalogService/GetProduct", "GET, POST"],
  ] as const;
  for (const [method, path, allow] of asked) {
    for (const headers of [{}, { "content-type": "nonsense", authorization: "Bearer x" }] as Record<string, string>[]) {
      const body = headers["content-type"] && "{";
      const answer = await edge.fetch(path, { method, headers, body });
      assert.equal(answer.headers.get("allow"), allow, `${method} ${path}`);
      await refusalOf(answer, 405);
    }
  }
});

test("allows a path with a verb its own methods only", async () => {
  for (const [path, allow] of [
    [`/v1/orders/${ORDER_ID}:cancel`, "POST"],
    [`/v1/orders/${ORDER_ID}:watch`, "GET"],
  ] as const) {
    const answer = await edge.fetch(path, { method: "OPTIONS" });
    assert.equal(answer.headers.get("allow"), allow);
    await refusalOf(answer, 405);
  }
});

test("refuses an order without a token, and says how to send one", async () => {
  const answer = await edge.fetch("/v1/orders");
  assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer realm/);
  assert.equal((await refusalOf(answer, 401)).details[0]?.reason, "TOKEN_MISSING");
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

for (const [what, token] of [
  ["an expired", () => edge.auth.tokenFor({ expiresIn: -60 })],
  ["a foreign-signed", () => edge.auth.tokenFor({ foreignKey: true })],
  ["a token for another audience:", () => edge.auth.tokenFor({ audience: "another-shop" })],
  ["a token of another issuer:", () => edge.auth.tokenFor({ issuer: "somebody" })],
  [
    "an unsigned",
    () => Promise.resolve(`${encode({ alg: "none", kid: "fake-auth" })}.${encode({ sub: "x", exp: 9e9 })}.`),
  ],
  ["a symmetrically signed", () => Promise.resolve(signedWithHmac())],
  ["a malformed", () => Promise.resolve("a.b.c")],
  ["a shortened", async () => (await edge.auth.tokenFor()).slice(0, -20)],
] as const) {
  test(`refuses ${what} token, also where none is needed`, async () => {
    const headers = { authorization: `Bearer ${await token()}` };
    for (const path of [`/v1/orders/${ORDER_ID}`, "/v1/products"]) {
      const answer = await edge.fetch(path, { headers });
      assert.match(answer.headers.get("www-authenticate") ?? "", /error="invalid_token"/);
      assert.equal((await refusalOf(answer, 401)).details[0]?.reason, "TOKEN_INVALID");
    }
  });
}

function signedWithHmac(): string {
  const head = `${encode({ alg: "HS256", kid: "fake-auth" })}.${encode({ sub: "x", exp: 9e9 })}`;
  return `${head}.${createHmac("sha256", "public key").update(head).digest("base64url")}`;
}

test("refuses credentials of another kind", async () => {
  for (const authorization of ["Basic YTpi", "Bearer", "Bearer a b", "Bearer caf\u00e9"]) {
    await refusalOf(await edge.fetch("/v1/products", { headers: { authorization } }), 401);
  }
});

test("refuses a customer what is for merchants", async () => {
  const answer = await edge.send("PATCH", `/v1/products/${PRODUCT_ID}`, { name: "Cup" });
  assert.equal((await refusalOf(answer, 403)).details[0]?.reason, "ROLE_MISSING");
});

test("serves nothing that is for services only", async () => {
  const headers = { "content-type": "application/json" };
  const path = "/shop.catalog.v1.CatalogService/BatchGetProducts";
  await refusalOf(await edge.fetch(path, { method: "POST", headers, body: "{}" }), 404);
});

test("answers what is no HTTP with 400 and lives on", async () => {
  assert.match(await raw("NONSENSE\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await raw(`GET /${"x".repeat(40_000)} HTTP/1.1\r\nhost: x\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.match(await raw("POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n"), /^HTTP\/1\.1 400 /);
  await refusalOf(await edge.fetch("/v1/none"), 404);
});

function raw(text: string): Promise<string> {
  const { port, hostname } = new URL(edge.url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.end(text));
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}
