import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { PlaceOrderRequest } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { methods } from "@row/runtime/contract.ts";
import { serviceOfType } from "@row/runtime/names.ts";
import { afterAll, beforeAll, describe, test } from "vitest";
import { quietData } from "./harness/data-trace.ts";
import { forgedTokens } from "./harness/forged-tokens.ts";
import { ADDRESS, newProduct, orderOf, place, reaches } from "./harness/ordering.ts";
import { type Answer, errorInfo, expectOk, fieldViolations } from "./harness/rest.ts";
import { type Session, type TheShop, theShop } from "./harness/the-shop.ts";

let shop: TheShop;
let customer: Session;
let merchant: Session;
let productId: string;
let token: string;
/** An order of somebody else's. */
let foreignOrder: string;

beforeAll(async () => {
  shop = await theShop();
  customer = await shop.customer();
  merchant = await shop.demoUser("merchant");
  token = customer.accessToken;
  await shop.demoUser("admin");
  productId = (await newProduct(shop, { stock: 1_000 })).id;
  const stranger = await shop.customer();
  foreignOrder = expectOk(await place(shop, stranger, { productId })).order.id;
  await reaches(shop, stranger, foreignOrder, "STATE_CONFIRMED");
});

/** What a wrong request must be answered with. */
interface Expected {
  status: number;
  /** The field that is named. */
  field?: string;
  /** What the message says, the fix above all. */
  says: RegExp;
  reason?: string;
}

function refused(answer: Answer, { status, field, says, reason }: Expected): void {
  const shown = `${answer.status} ${JSON.stringify(answer.body)}`;
  assert.equal(answer.status, status, shown);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/json/, shown);
  assert.equal(typeof answer.body.code, "number", shown);
  assert.match(answer.body.message, says, shown);
  const info = errorInfo(answer);
  assert.equal(info?.domain, "shop", shown);
  assert.match(info?.reason ?? "", /^[A-Z_]{4,}$/, shown);
  if (reason) assert.equal(info?.reason, reason, shown);
  if (field)
    assert.ok(
      fieldViolations(answer).some((violation) => violation.field === field),
      `${field}: ${shown}`,
    );
  assert.doesNotMatch(
    JSON.stringify(answer.body),
    /node_modules|\.ts:|at \w+ \(|select |insert /i,
    "tells nothing of its insides",
  );
}

function order(changes: object = {}): object {
  return { ...orderOf({ productId }), ...changes };
}

const item = (changes: object) => ({ items: [{ productId, quantity: 1, ...changes }] });
const asText = (body: unknown) =>
  typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);

/** Bodies of POST /v1/orders that are wrong, each in one way. */
const BODIES: Record<string, [() => unknown, Expected]> = {
  "JSON that ends too early": [() => '{"items": [', { status: 400, says: /JSON.*(end|early)/i }],
  "JSON with a comma too many": [() => '{"items": [],}', { status: 400, says: /JSON.*line 1, column \d+/ }],
  "no body": [() => "", { status: 400, says: /JSON|body|required/i }],
  "a body that is an array": [() => "[]", { status: 400, says: /object/ }],
  "a body that is null": [() => "null", { status: 400, says: /./ }],
  "an unknown field": [() => order({ colour: "red" }), { status: 400, field: "colour", says: /no such field/ }],
  "an unknown field inside": [
    () => order(item({ colour: "red" })),
    { status: 400, field: "items[0].colour", says: /no such field/ },
  ],
  "a price sent by the client": [
    () => order(item({ unitPrice: { units: "1" } })),
    { status: 400, field: "items[0].unitPrice", says: /no such field/ },
  ],
  "a total sent by the client": [
    () => order({ total: { units: "1" } }),
    { status: 400, field: "total", says: /no such field/ },
  ],
  "a state sent by the client": [
    () => order({ state: "STATE_CONFIRMED" }),
    { status: 400, field: "state", says: /no such field/ },
  ],
  "a customer sent by the client": [
    () => order({ customerId: merchant.id }),
    { status: 400, field: "customerId", says: /no such field/ },
  ],
  "a quantity that is text": [
    () => order(item({ quantity: "two" })),
    { status: 400, field: "items[0].quantity", says: /quantity/ },
  ],
  "a quantity that is an object": [
    () => order(item({ quantity: {} })),
    { status: 400, field: "items[0].quantity", says: /quantity/ },
  ],
  "items that are an object": [() => order({ items: {} }), { status: 400, field: "items", says: /items/ }],
  "a token that is a number": [
    () => order({ paymentToken: 5 }),
    { status: 400, field: "paymentToken", says: /paymentToken/ },
  ],
  "a missing product id": [
    () => order({ items: [{ quantity: 1 }] }),
    { status: 400, field: "items[0].productId", says: /required/ },
  ],
  "a malformed product id": [
    () => order(item({ productId: "p-1" })),
    { status: 400, field: "items[0].productId", says: /UUID/i },
  ],
  "an unknown product": [
    () => order(item({ productId: randomUUIDv7() })),
    { status: 400, field: "items[0].productId", says: /no product/, reason: "PRODUCT_UNKNOWN" },
  ],
  "a product named twice": [
    () =>
      order({
        items: [
          { productId, quantity: 1 },
          { productId, quantity: 2 },
        ],
      }),
    { status: 400, field: "items[1].productId", says: /twice/ },
  ],
  "quantity 0": [
    () => order(item({ quantity: 0 })),
    { status: 400, field: "items[0].quantity", says: /greater than or equal to 1/ },
  ],
  "no quantity": [
    () => order({ items: [{ productId }] }),
    { status: 400, field: "items[0].quantity", says: /greater than or equal to 1/ },
  ],
  "quantity -1": [
    () => order(item({ quantity: -1 })),
    { status: 400, field: "items[0].quantity", says: /greater than or equal to 1/ },
  ],
  "quantity 10⁹": [
    () => order(item({ quantity: 1e9 })),
    { status: 400, field: "items[0].quantity", says: /less than or equal to 1000/ },
  ],
  "quantity 1.5": [() => order(item({ quantity: 1.5 })), { status: 400, field: "items[0].quantity", says: /quantity/ }],
  "a quantity beyond 32 bits": [
    () => order(item({ quantity: 2 ** 40 })),
    { status: 400, field: "items[0].quantity", says: /quantity/ },
  ],
  "an empty order": [() => order({ items: [] }), { status: 400, field: "items", says: /at least 1/ }],
  "1,000 items": [
    () => order({ items: Array.from({ length: 1_000 }, () => ({ productId: randomUUIDv7(), quantity: 1 })) }),
    { status: 400, field: "items", says: /at most 100|no more than 100|maximum of 100|100 item/ },
  ],
  "a card number": [
    () => order({ paymentToken: "4111111111111111" }),
    { status: 400, field: "paymentToken", says: /paymentToken/ },
  ],
  "no payment token": [
    () => order({ paymentToken: undefined }),
    { status: 400, field: "paymentToken", says: /required/ },
  ],
  "no address": [
    () => order({ shippingAddress: undefined }),
    { status: 400, field: "shippingAddress", says: /required/ },
  ],
  "an address in no country": [
    () => order({ shippingAddress: { ...ADDRESS, countryCode: "Germany" } }),
    { status: 400, field: "shippingAddress.countryCode", says: /countryCode/ },
  ],
  "an expected total in another currency": [
    () => order({ expectedTotal: { currencyCode: "USD", units: "5" } }),
    { status: 400, field: "expectedTotal.currencyCode", says: /EUR/ },
  ],
  "deep JSON": [() => `{"items":${"[".repeat(20_000)}${"]".repeat(20_000)}}`, { status: 400, says: /deep/ }],
  "deep JSON in objects": [() => `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`, { status: 400, says: /deep/ }],
  "invalid UTF-8": [
    () => Buffer.concat([Buffer.from('{"paymentToken":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    { status: 400, says: /UTF-8/ },
  ],
  "a NUL character": [
    () => order({ shippingAddress: { ...ADDRESS, recipient: "A\u0000B" } }),
    { status: 400, field: "shippingAddress.recipient", says: /NUL/i },
  ],
  "half a surrogate pair": [
    () => '{"paymentToken":"\\ud800"}',
    { status: 400, says: /paymentToken|UTF|surrogate|string/i },
  ],
  "a 2 MB body": [
    () => order({ paymentToken: "x".repeat(2 * 1024 * 1024) }),
    { status: 413, says: /larger than \d+ bytes/ },
  ],
  "a request id that is no UUID": [
    () => order({ requestId: "mine" }),
    { status: 400, field: "requestId", says: /requestId/ },
  ],
  "a field given twice, by both its names": [
    () => order({ payment_token: "tok_ok" }),
    { status: 400, field: "paymentToken", says: /given twice/ },
  ],
};

describe("what is wrong is refused, by name and with the fix, and leaves no trace", () => {
  let before: Record<string, string>;

  test("at rest first", async () => {
    before = await quietData(shop);
  });

  for (const [what, [body, expected]] of Object.entries(BODIES)) {
    test(`an order with ${what}`, async () => {
      const text = asText(body());
      refused(await shop.rest.send("POST", "/v1/orders", text as string, { token }), expected);
    });
  }

  for (const [what, verb, path, expected] of [
    ["an order id that is none", "GET", "/v1/orders/o-1", { status: 400, field: "id", says: /UUID/i }],
    ["an order that nobody has", "GET", `/v1/orders/${randomUUIDv7()}`, { status: 404, says: /Cannot find/ }],
    [
      "a negative page size",
      "GET",
      "/v1/orders?pageSize=-1",
      { status: 400, field: "pageSize", says: /greater than or equal to 0/ },
    ],
    [
      "a page size that is text",
      "GET",
      "/v1/orders?pageSize=ten",
      { status: 400, field: "pageSize", says: /pageSize/ },
    ],
    [
      "a page size beyond 32 bits",
      "GET",
      "/v1/orders?pageSize=99999999999",
      { status: 400, field: "pageSize", says: /pageSize/ },
    ],
    [
      "a page token that was never given",
      "GET",
      "/v1/orders?pageToken=abc",
      { status: 400, field: "pageToken", says: /start over/ },
    ],
    [
      "a page token that is no base64",
      "GET",
      "/v1/products?pageToken=%C3%A9%22'",
      { status: 400, field: "pageToken", says: /start over/ },
    ],
    ["an unknown parameter", "GET", "/v1/orders?colour=red", { status: 400, field: "colour", says: /no such/ }],
    [
      "a parameter given twice",
      "GET",
      "/v1/orders?pageSize=1&pageSize=2",
      { status: 400, field: "pageSize", says: /once|twice|more than/ },
    ],
    ["a query that is not UTF-8", "GET", "/v1/products:search?query=%ff", { status: 400, says: /UTF-8/ }],
    ["an empty search", "GET", "/v1/products:search?query=", { status: 400, field: "query", says: /required/ }],
    ["a path with a broken escape", "GET", "/v1/orders/%zz", { status: 400, says: /./ }],
    ["a path that is not there", "GET", "/v1/nothing", { status: 404, says: /no such path/ }],
    [
      "a verb that is not there",
      "POST",
      `/v1/orders/${randomUUIDv7()}:explode`,
      { status: 405, says: /this path knows GET/ },
    ],
    ["a method that the path does not know", "DELETE", "/v1/orders", { status: 405, says: /this path knows/ }],
    [
      "a resume token of no stream",
      "GET",
      "/v1/orders/{foreign}:watch?resumeToken=x",
      { status: 400, field: "resumeToken", says: /start over/ },
    ],
  ] as [string, string, string, Expected][]) {
    test(what, async () => {
      refused(await shop.rest.send(verb, path.replace("{foreign}", foreignOrder), undefined, { token }), expected);
    });
  }

  test("another customer's order: to read, to watch, to cancel, its history", async () => {
    const expected = { status: 404, says: /Cannot find order/, reason: "ORDER_NOT_FOUND" };
    for (const path of ["", ":watch", "/history"])
      refused(await shop.rest.get(`/v1/orders/${foreignOrder}${path}`, { token }), expected);
    refused(await shop.rest.post(`/v1/orders/${foreignOrder}:cancel`, {}, { token }), expected);
    const other = await shop.rest.get(`/v1/orders?customerId=${merchant.id}`, { token });
    refused(other, { status: 403, says: /Cannot/, reason: "ROLE_MISSING" });
  });

  test("a page token of another list, of another search, and of another customer", async () => {
    const { nextPageToken: ofProducts } = expectOk(await shop.rest.get("/v1/products?pageSize=1"));
    const { nextPageToken: ofSearch } = expectOk(await shop.rest.get("/v1/products:search?query=coffee&pageSize=1"));
    assert.ok(ofProducts && ofSearch);
    const expected = { status: 400, field: "pageToken", says: /start over/ };
    for (const path of [
      `/v1/orders?pageToken=${encodeURIComponent(ofProducts)}`,
      `/v1/products?pageToken=${encodeURIComponent(ofSearch)}`,
      `/v1/products?categoryId=coffee&pageToken=${encodeURIComponent(ofProducts)}`,
      `/v1/products:search?query=tea&pageToken=${encodeURIComponent(ofSearch)}`,
    ]) {
      refused(await shop.rest.get(path, { token }), expected);
    }
  });

  test("tokens that are malformed, expired, foreign-signed, for another audience, by another issuer, or unsigned", async () => {
    for (const [what, { value, says }] of Object.entries(await forgedTokens(shop, customer))) {
      const answers = [
        await shop.rest.get("/v1/orders", { token: value }),
        await shop.rest.post("/v1/orders", order(), { token: value }),
        // Nor does a wrong token count as none.
        await shop.rest.get("/v1/products", { token: value }),
      ];
      for (const answer of answers) {
        refused(answer, { status: 401, says, reason: "TOKEN_INVALID" });
        assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/, what);
      }
    }
    refused(await shop.rest.get("/v1/orders"), { status: 401, says: /send an access token/, reason: "TOKEN_MISSING" });
    const basic = { headers: { authorization: "Basic YTpi" } };
    refused(await shop.rest.get("/v1/orders", basic), { status: 401, says: /Bearer/, reason: "TOKEN_INVALID" });
  });

  test("what takes a role that the user has not", async () => {
    const price = { currencyCode: "EUR", units: "1" };
    const change = await shop.rest.post(`/v1/products/${productId}:changePrice`, { price }, { token });
    refused(change, { status: 403, says: /merchant or admin only/, reason: "ROLE_MISSING" });
    const grant = { role: "ROLE_ADMIN" };
    const self = await shop.rest.post(`/v1/users/${customer.id}:grantRole`, grant, { token });
    refused(self, { status: 403, says: /admin only/, reason: "ROLE_MISSING" });
    const refund = await shop.rest.post(`/v1/payments/${randomUUIDv7()}:refund`, {}, { token: merchant.accessToken });
    refused(refund, { status: 403, says: /admin only/, reason: "ROLE_MISSING" });
  });

  test("prices and stock that cannot be", async () => {
    const { accessToken: token } = merchant;
    const price = (changes: object) =>
      shop.rest.post(
        `/v1/products/${productId}:changePrice`,
        { price: { currencyCode: "EUR", units: "1", ...changes } },
        { token },
      );
    refused(await price({ units: "-1" }), { status: 400, says: /price/ });
    refused(await price({ units: "0" }), { status: 400, says: /price/ });
    refused(await price({ currencyCode: "USD" }), { status: 400, says: /EUR/ });
    refused(await price({ nanos: 1 }), { status: 400, says: /price/ });
    refused(await price({ units: "99999999999999999999" }), { status: 400, says: /price/ });
    refused(await price({ units: "9223372036854775807" }), { status: 400, says: /price/ });
    const adjust = (delta: unknown) => shop.rest.post(`/v1/products/${productId}:adjustStock`, { delta }, { token });
    refused(await adjust(0), { status: 400, field: "delta", says: /delta/ });
    refused(await adjust("1e9"), { status: 400, field: "delta", says: /delta/ });
    refused(await adjust("-1000000"), { status: 400, says: /Cannot/, reason: "OUT_OF_STOCK" });
    const unknown = await shop.rest.post(
      `/v1/products/${randomUUIDv7()}:changePrice`,
      { price: { currencyCode: "EUR", units: "1" } },
      { token },
    );
    refused(unknown, { status: 404, says: /Cannot find/, reason: "PRODUCT_NOT_FOUND" });
    const masked = { name: "X", updateMask: "price" };
    refused(await shop.rest.patch(`/v1/products/${productId}`, masked, { token }), {
      status: 400,
      field: "updateMask",
      says: /price/,
    });
  });

  test("registrations and sign-ins that are malformed", async () => {
    const { rest } = shop;
    const register = (changes: object) =>
      rest.post("/v1/auth/register", { email: "a@example.com", password: "long enough", displayName: "A", ...changes });
    refused(await register({ email: "nobody" }), { status: 400, field: "email", says: /email/ });
    refused(await register({ password: "short" }), { status: 400, field: "password", says: /8/ });
    refused(await register({ password: "x".repeat(257) }), { status: 400, field: "password", says: /256/ });
    refused(await register({ displayName: "" }), { status: 400, field: "displayName", says: /required/ });
    refused(await register({ roles: ["ROLE_ADMIN"] }), { status: 400, field: "roles", says: /no such field/ });
    refused(await rest.post("/v1/auth/login", { email: "a@example.com" }), {
      status: 400,
      field: "password",
      says: /required/,
    });
    refused(await rest.post("/v1/auth/refresh", { refreshToken: "" }), {
      status: 400,
      field: "refreshToken",
      says: /required/,
    });
    refused(await rest.post("/v1/auth/refresh", { refreshToken: "x" }), {
      status: 401,
      says: /./,
      reason: "REFRESH_TOKEN_INVALID",
    });
  });

  test("a body of another type, an answer of another type, an Idempotency-Key that is none", async () => {
    const { rest } = shop;
    const body = JSON.stringify(order());
    const xml = { token, headers: { "content-type": "text/xml" } };
    refused(await rest.send("POST", "/v1/orders", body, xml), { status: 415, says: /application\/json/ });
    const form = { token, headers: { "content-type": "application/x-www-form-urlencoded" } };
    refused(await rest.send("POST", "/v1/orders", "items=1", form), { status: 415, says: /application\/json/ });
    const image = { token, headers: { accept: "image/png" } };
    refused(await rest.get(`/v1/orders/${foreignOrder}:watch`, image), { status: 406, says: /text\/event-stream/ });
    const key = await rest.send("POST", "/v1/orders", body, { token, key: "x".repeat(300) });
    refused(key, { status: 400, field: "Idempotency-Key", says: /255/ });
  });

  test("gRPC with bytes that are no message, on the port of every service and of the edge", async () => {
    const admin = await shop.demoUser("admin");
    const bytes = [Buffer.from([0xff]), Buffer.from("{}"), Buffer.from([0x0a, 0x05, 0x01]), Buffer.alloc(64, 0x07)];
    for (const [path, contract] of methods) {
      const name = serviceOfType(path);
      if (!shop.services.includes(name)) continue;
      const probe = shop.probe(name);
      for (const garbage of bytes) {
        const caller = contract.callers.has("edge")
          ? { token: admin.accessToken }
          : { service: [...contract.callers][0] };
        const { code, message } = await probe.call(path, garbage, caller);
        assert.equal(code, status.INVALID_ARGUMENT, `${path} ${garbage.toString("hex")}: ${status[code]} ${message}`);
      }
      await probe.close();
    }
    const edge = shop.probe("edge");
    for (const garbage of bytes) {
      const { code, reason } = await edge.call("/shop.orders.v1.OrderService/PlaceOrder", garbage, { token });
      assert.deepEqual([code, reason], [status.INVALID_ARGUMENT, "MALFORMED_MESSAGE"]);
      const headers = { "content-type": "application/proto" };
      const connect = await shop.rest.send("POST", "/shop.orders.v1.OrderService/PlaceOrder", garbage, {
        token,
        headers,
      });
      assert.deepEqual([connect.status, connect.body.code], [400, "invalid_argument"]);
    }
    await edge.close();
  });

  test("gRPC with text that is not UTF-8, and with fields that the contract does not know", async () => {
    const orders = shop.probe("orders");
    const path = "/shop.orders.v1.OrderService/PlaceOrder";
    const badText = Buffer.from([0x12, 0x02, 0xff, 0xfe]);
    const { code } = await orders.call(path, badText, { token });
    assert.equal(code, status.INVALID_ARGUMENT);
    const unknown = Buffer.concat([
      Buffer.from(PlaceOrderRequest.encode(PlaceOrderRequest.fromPartial({ requestId: randomUUIDv7() })).finish()),
      Buffer.from([0xfa, 0x7f, 0x01, 0x41]), // field 2047
    ]);
    const outcome = await orders.call(path, unknown, { token });
    assert.equal(outcome.code, status.INVALID_ARGUMENT, "for what is missing; what is unknown is passed over");
    assert.match(outcome.message, /items/);
    await orders.close();
  });

  test("and left no trace in the data", async () => {
    const now = await quietData(shop);
    const changed = Object.keys(now).filter((table) => now[table] !== before[table]);
    // A refresh token that is none is told to auth's audit trail, as it should be.
    assert.deepEqual(
      changed.filter((table) => table !== "auth.runtime.audit"),
      [],
    );
  });
});

test("the shop still works", async () => {
  const { order } = expectOk(await place(shop, customer, { productId }));
  await reaches(shop, customer, order.id, "STATE_CONFIRMED");
});

afterAll(async () => {
  // Whatever was wrong, nothing crashed of it.
  const processes = await shop.status();
  assert.deepEqual(
    processes.filter(({ restarts, name }) => restarts > 0 && name !== "auth").map(({ name }) => name),
    [],
  );
});
