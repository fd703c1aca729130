import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { EdgeUnderTest, PRODUCT_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
let authorization: string;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
  authorization = `Bearer ${await edge.auth.tokenFor({ roles: ["merchant"] })}`;
});
afterAll(() => edge.stop());
afterEach(() => edge.catalog.forget());

const GET_PRODUCT = "/shop.catalog.v1.CatalogService/GetProduct";
const CHANGE_PRICE = "/shop.catalog.v1.CatalogService/ChangePrice";
const request = JSON.stringify({ id: PRODUCT_ID });
const asProto = Buffer.from(`\n$${PRODUCT_ID}`);

interface Refusal {
  readonly code: string;
  readonly message: string;
}

function post(path: string, body: Buffer | string, headers: Record<string, string> = {}): Promise<Response> {
  const all = { authorization, "content-type": "application/json", ...headers };
  return edge.fetch(path, { method: "POST", body, headers: all });
}

async function invalid(answer: Response): Promise<string> {
  const { code, message } = (await answer.json()) as Refusal; // as Connect writes errors
  assert.deepEqual([answer.status, code], [400, "invalid_argument"], message);
  return message;
}

for (const [what, query] of [
  ["no base64", "encoding=json&base64=1&message=%25%25"],
  ["no base64 where it is to be compressed", "encoding=json&base64=1&compression=gzip&message=%25%25"],
  ["no protobuf", "encoding=proto&base64=1&message=AAAA"],
  ["no gzip", "encoding=json&base64=1&compression=gzip&message=AAAA"],
  ["no JSON", "encoding=json&message=id"],
  ["not there", "encoding=json"],
] as const) {
  test(`refuses a message in the URL that is ${what}`, async () => {
    await invalid(await edge.fetch(`${GET_PRODUCT}?${query}`));
    assert.equal(edge.catalog.received.length, 0);
  });
}

test("reads a message in the URL", async () => {
  edge.catalog.on("getProduct", () => ({}));
  for (const query of [
    `encoding=json&message=${encodeURIComponent(request)}`,
    `encoding=json&base64=1&message=${Buffer.from(request).toString("base64url")}`,
    `encoding=json&base64=1&compression=gzip&message=${gzipSync(request).toString("base64url")}`,
    `encoding=proto&base64=1&message=${asProto.toString("base64url")}`,
  ]) {
    const answer = await edge.fetch(`${GET_PRODUCT}?connect=v1&${query}`);
    assert.equal(answer.status, 200, await answer.text());
  }
  const ids = edge.catalog.received.map((_, index) => edge.catalog.requestAt<{ id: string }>(index).id);
  assert.deepEqual(ids, Array(4).fill(PRODUCT_ID));
  assert.equal((await edge.fetch(`${GET_PRODUCT}?encoding=grpc&message=x`)).status, 415);
});

for (const [what, body, headers] of [
  ["gzip that ends too early", gzipSync(request).subarray(0, 20), { "content-encoding": "gzip" }],
  ["brotli that ends too early", brotliCompressSync(request).subarray(0, 10), { "content-encoding": "br" }],
  ["no gzip", Buffer.from(request), { "content-encoding": "gzip" }],
  ["gzip of no protobuf", gzipSync("no"), { "content-encoding": "gzip", "content-type": "application/proto" }],
  ["no protobuf", Buffer.from("no"), { "content-type": "application/proto" }],
] as const) {
  test(`refuses ${what}`, async () => {
    await invalid(await post(GET_PRODUCT, body, headers));
    assert.equal(edge.catalog.received.length, 0);
  });
}

for (const [what, body] of [
  ["no protobuf", inEnvelope(Buffer.from("no"))],
  ["gzip of no protobuf", inEnvelope(gzipSync("no"), 1)],
  ["gzip that ends too early", inEnvelope(gzipSync(asProto).subarray(0, 20), 1)],
  ["no protobuf, after a message", Buffer.concat([inEnvelope(asProto), inEnvelope(Buffer.from("no"))])],
  ["no protobuf, before a message", Buffer.concat([inEnvelope(Buffer.from("no")), inEnvelope(asProto)])],
] as const) {
  test(`refuses ${what} over gRPC`, async () => {
    assert.match(await grpc({ "grpc-encoding": "gzip" }, body), /^grpc-status: 3$/m);
    assert.equal(edge.catalog.received.length, 0);
  });
}

test("unpacks no more than a message may have", async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000, " "));
  for (const type of ["application/json", "application/proto"]) {
    const answer = await post(GET_PRODUCT, bomb, { "content-encoding": "gzip", "content-type": type });
    assert.deepEqual([answer.status, ((await answer.json()) as Refusal).code], [429, "resource_exhausted"]);
  }
});

test("refuses an integer that JSON would round, compressed or not", async () => {
  const body = `{"id":"${PRODUCT_ID}","price":{"currencyCode":"EUR","units":9007199254740993},"requestId":"${PRODUCT_ID}"}`;
  for (const [sent, headers] of [
    [body, {}],
    [gzipSync(body), { "content-encoding": "gzip" }],
  ] as const) {
    assert.match(await invalid(await post(CHANGE_PRICE, sent, headers)), /^price\.units: .*send it as a string$/);
  }
  edge.catalog.on("changePrice", () => ({}));
  const asString = body.replace("9007199254740993", '"9007199254740993"');
  assert.equal((await post(CHANGE_PRICE, asString)).status, 200);
  assert.equal(edge.catalog.requestAt<{ price: { units: bigint } }>(0).price.units, 9_007_199_254_740_993n);
});

test("lets nobody wait for longer than a timer can, and nobody for less because of it", async () => {
  edge.catalog.on("getProduct", () => ({}));
  assert.equal((await post(GET_PRODUCT, request, { "connect-timeout-ms": "9999999999" })).status, 200);
  for (const timeout of ["99999999H", "99999999S", "1H"]) {
    assert.match(await grpc({ "grpc-timeout": timeout }), /grpc-status: 0/, timeout);
  }
});

test("refuses a host that is none on either port, and lives on", async () => {
  for (const head of ["HTTP/1.1\r\nhost: [", "HTTP/1.1\r\nhost: a:b:c", "HTTP/1.0\r\nx: y"]) {
    const answer = await raw(`POST ${GET_PRODUCT} ${head}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*HOST_UNREADABLE/);
  }
  for (const authority of ["[", "a:b:c"]) assert.match(await grpc({ ":authority": authority }), /^:status: 400/);
  edge.catalog.on("getProduct", () => ({}));
  assert.match(await grpc({}), /grpc-status: 0/);
});

function inEnvelope(message: Buffer, flags = 0): Buffer {
  const envelope = Buffer.alloc(5);
  envelope.writeUInt8(flags);
  envelope.writeUInt32BE(message.length, 1);
  return Buffer.concat([envelope, message]);
}

/** Headers and trailers of the answer to a GetProduct over gRPC. */
function grpc(headers: Record<string, string>, body = inEnvelope(asProto)): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(edge.grpcUrl);
    const fixed = { ":method": "POST", ":path": GET_PRODUCT, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request({ ...fixed, ...headers });
    let answer = "";
    const note = (found: object) => {
      for (const [name, value] of Object.entries(found)) answer += `${name}: ${value}\n`;
    };
    stream.on("response", note).on("trailers", note).on("error", reject).resume();
    stream.on("close", () => session.close(() => resolve(answer)));
    stream.end(body);
  });
}

function raw(text: string): Promise<string> {
  const { port, hostname } = new URL(edge.url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("close", () => resolve(answer)).on("error", reject);
  });
}
