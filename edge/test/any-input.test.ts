import assert from "node:assert/strict";
import { request } from "node:http";
import { connect, type OutgoingHttpHeaders } from "node:http2";
import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
let token: string;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
  token = await edge.auth.tokenFor({ roles: ["customer", "merchant", "admin"] });
  for (const rpc of ["placeOrder", "getOrder", "listOrders", "cancelOrder", "getOrderHistory"])
    edge.orders.on(rpc, () => ({}));
  edge.orders.on("watchOrder", async function* () {});
  const reads = ["getProduct", "listProducts", "searchProducts", "listCategories"];
  for (const rpc of [...reads, "createProduct", "updateProduct", "changePrice"]) edge.catalog.on(rpc, () => ({}));
});
afterAll(() => edge.stop());

const CODINGS = ["content-encoding", "connect-content-encoding", "grpc-encoding"];
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
/** A message of Connect in the URL. */
const inUrl = fc
  .record({
    encoding: fc.constantFrom("json", "proto", "grpc"),
    message: fc.oneof(text, fc.constantFrom("AAAA", "{}", Buffer.from(`\n$${PRODUCT_ID}`).toString("base64url"))),
    base64: fc.constantFrom("0", "1"),
    compression: fc.constantFrom("identity", "gzip", "br", "zip"),
  })
  .map((parameters) => new URLSearchParams(parameters).toString());
const name = fc.oneof(
  fc.constantFrom("pageSize", "pageToken", "query", "id", "resumeToken", "updateMask", "price.units", "__proto__"),
  escaped,
);
const parameters = fc
  .array(
    fc.tuple(name, escaped).map((pair) => pair.join("=")),
    { maxLength: 3 },
  )
  .map((parts) => parts.join("&"));
const query = fc.oneof(parameters, inUrl);
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
const plain = fc.oneof(
  nearly.map(([key, value]) => Buffer.from(JSON.stringify({ ...order, [key]: value }))),
  fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(Buffer.from(`\n$${ORDER_ID}`), Buffer.from(JSON.stringify({ id: ORDER_ID }))),
);
/** Packed, and perhaps not to its end. */
const packed = fc
  .tuple(plain, fc.constantFrom(gzipSync, brotliCompressSync), fc.nat({ max: 100 }))
  .map(([bytes, pack, length]) => pack(bytes).subarray(0, length));
/** After the flags and the length that the streaming protocols put before a message. */
const enveloped = fc
  .tuple(fc.oneof(plain, packed), fc.constantFrom(0, 0, 1, 2, 0x80, 0xff), fc.constantFrom(0, 0, 0, 1, -1, 2 ** 31))
  .map(([message, flags, error]) => {
    const envelope = Buffer.alloc(5);
    envelope.writeUInt8(flags);
    envelope.writeUInt32BE(Math.max(0, message.length + error), 1);
    return Buffer.concat([envelope, message]);
  });
const body = fc.oneof(plain, packed, enveloped, fc.constant(undefined));
const type = fc.constantFrom(
  "application/json",
  "application/json; charset=latin1",
  "application/proto",
  "application/connect+json",
  "application/connect+proto",
  "application/grpc-web+proto",
  "application/grpc-web+json",
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
const coding = fc.constantFrom("gzip", "br", "identity", "zip");
const timeout = fc.constantFrom("0", "1", "4294967296", "9999999999", "99999999H", "1n", "x");
const headers = fc
  .tuple(
    fc.dictionary(headerName, headerValue, { maxKeys: 3 }),
    fc.dictionary(fc.constantFrom(...CODINGS, "accept-encoding", "grpc-accept-encoding"), coding, { maxKeys: 2 }),
    fc.dictionary(fc.constantFrom("x-server-timeout", "connect-timeout-ms", "grpc-timeout"), timeout, { maxKeys: 1 }),
    fc.dictionary(fc.constant("host"), fc.constantFrom("[", "a:b:c", "[::1]", "x", "é"), { maxKeys: 1 }),
  )
  .map((some) => Object.assign({}, ...some) as Record<string, string>); // each is such a record

test("answers no input with a 5xx", { timeout: 120_000 }, async () => {
  const asked = fc.record({ method, path, query, body, type, headers });
  await fc.assert(
    fc.asyncProperty(asked, async (input) => {
      const { status, answer } = await send(input);
      const is5xx = status >= 500 && !isOfTheProtocol(input, status, answer);
      assert.ok(!is5xx && !blamesTheShop(answer), `${status} ${answer}`);
    }),
    { numRuns: 2_000, includeErrorInReport: true },
  );
});

test("answers no gRPC with a status that blames the shop", { timeout: 120_000 }, async () => {
  const rpc = fc.constantFrom("orders.v1.OrderService/PlaceOrder", "orders.v1.OrderService/WatchOrder", "no/Rpc");
  const grpcType = type.filter((one) => one.startsWith("application/"));
  const asked = fc.record({ rpc, body: fc.oneof(enveloped, body), type: grpcType, headers });
  await fc.assert(
    fc.asyncProperty(asked, async (input) => {
      const answer = await sendGrpc(input);
      assert.ok(!blamesTheShop(answer), answer);
    }),
    { numRuns: 1_000, includeErrorInReport: true },
  );
});

/**
 * Whether an answer of a streaming protocol, whose HTTP status is 200 whatever happens, says that the shop has a fault.
 * gRPC itself wants INTERNAL for one mistake of the caller: a compressed message without the name of its compression.
 */
function blamesTheShop(answer: string): boolean {
  const isFault = /grpc-status: ?(2|13|14|15)\b|"code":"(unknown|internal|unavailable|data_loss)"/.test(answer);
  return isFault && !answer.replaceAll("%20", " ").includes("received compressed envelope");
}

/** The two 5xx that Connect has for a mistake of the caller: an unknown compression, and a time that has run out. */
function isOfTheProtocol({ path, headers }: Input, status: number, answer: string): boolean {
  if (!path.startsWith("/shop.")) return false;
  if (status === 501) return /^\{"code":"unimplemented","message":"unknown compression /.test(answer);
  return status === 504 && /^\d+$/.test(headers["connect-timeout-ms"] ?? "") && /"deadline_exceeded"/.test(answer);
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

/** Headers, trailers and body of the answer on the port for gRPC. */
function sendGrpc({ rpc, body, type, headers }: Pick<Input, "body" | "type" | "headers"> & { rpc: string }) {
  const { host: authority, ...others } = headers;
  const sent: OutgoingHttpHeaders = { ...others, authorization: `Bearer ${token}`, "content-type": type };
  if (authority !== undefined) sent[":authority"] = authority;
  return new Promise<string>((resolve, reject) => {
    const session = connect(edge.grpcUrl).on("error", reject);
    const stream = session.request({ ...sent, ":method": "POST", ":path": `/shop.${rpc}` });
    let answer = "";
    const note = (found: object) => {
      for (const [name, value] of Object.entries(found)) answer += `${name}: ${value}\n`;
    };
    // HTTP/2 itself refuses some headers.
    stream
      .on("response", note)
      .on("trailers", note)
      .on("error", () => resolve(answer));
    stream.on("data", (chunk) => {
      answer += chunk;
    });
    stream.on("close", () => session.close(() => resolve(answer)));
    stream.end(body);
  });
}
