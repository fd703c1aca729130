import assert from "node:assert/strict";
import { type IncomingHttpHeaders, request } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { CatalogService } from "@row/gen/es/shop/catalog/v1/catalog_service_pb.ts";
import { afterAll, beforeAll, test } from "vitest";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
let authorization: string;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
  authorization = `Bearer ${await edge.auth.tokenFor()}`;
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID, description: "A mug. ".repeat(500) } }));
  edge.catalog.on("listCategories", () => ({ categories: [] }));
  edge.orders.on("watchOrder", async function* () {
    yield { order: { id: ORDER_ID, paymentId: "x".repeat(5_000) }, resumeToken: "1" };
  });
});
afterAll(() => edge.stop());

const PRODUCT = `/v1/products/${PRODUCT_ID}`;

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Node's own client: fetch unpacks what it reads. */
function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(edge.url + path, { method, headers }, async (response) => {
      const body = Buffer.concat(await response.toArray());
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    sent.on("error", reject).end();
  });
}

function unpacked({ headers, body }: Answer): string {
  if (headers["content-encoding"] === "br") return brotliDecompressSync(body).toString();
  return headers["content-encoding"] === "gzip" ? gunzipSync(body).toString() : body.toString();
}

for (const path of [PRODUCT, "/", "/pages/docs.js", "/openapi.json"]) {
  test(`compresses ${path} for who takes it`, async () => {
    const plain = await ask(path);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.ok(plain.body.length > 1_024);
    for (const [accepted, coding] of [
      ["gzip, deflate, br, zstd", "br"],
      ["gzip", "gzip"],
      ["br;q=0, gzip;q=0.5", "gzip"],
      ["gzip;q=0", undefined],
    ] as const) {
      const answer = await ask(path, { "accept-encoding": accepted });
      assert.equal(answer.headers["content-encoding"], coding);
      assert.equal(Number(answer.headers["content-length"]), answer.body.length);
      assert.ok(coding === undefined || answer.body.length < plain.body.length);
      assert.equal(unpacked(answer), plain.body.toString());
      assert.equal(answer.headers["content-type"], plain.headers["content-type"]);
      assert.equal(answer.headers.etag, plain.headers.etag);
      assert.match(answer.headers.vary ?? "", /Accept-Encoding/);
    }
    assert.match(plain.headers.vary ?? "", /Accept-Encoding/);
    assert.match(plain.headers.etag ?? "", /^W\//);
  });

  test(`answers 304 to who has ${path} already, compressed or not`, async () => {
    const { headers } = await ask(path, { "accept-encoding": "br" });
    for (const accepted of ["br", "identity"]) {
      const again = await ask(path, { "accept-encoding": accepted, "if-none-match": headers.etag ?? "" });
      assert.equal(again.status, 304);
      assert.equal(again.body.length, 0);
      assert.deepEqual([again.headers.etag, again.headers["content-encoding"]], [headers.etag, undefined]);
      assert.match(again.headers.vary ?? "", /Accept-Encoding/);
    }
  });

  test(`answers HEAD of ${path} with the head of the compressed answer`, async () => {
    const head = await ask(path, { "accept-encoding": "br" }, "HEAD");
    const { headers } = await ask(path, { "accept-encoding": "br" });
    for (const name of ["content-encoding", "content-length", "content-type", "vary", "etag"]) {
      assert.equal(head.headers[name], headers[name], name);
    }
    assert.equal(head.body.length, 0);
  });
}

test("sends what is short as it is", async () => {
  const { headers } = await ask("/v1/categories", { "accept-encoding": "br, gzip" });
  assert.deepEqual([headers["content-encoding"], headers.vary], [undefined, "Origin"]);
});

test("compresses long errors too", async () => {
  const answer = await ask(`/v1/products?${"x".repeat(900)}=1`, { "accept-encoding": "gzip" });
  assert.equal(answer.status, 400);
  assert.equal(JSON.parse(unpacked(answer)).code, 3);
});

test("says what else an answer varies with", async () => {
  const origin = "https://shop.example";
  const product = await ask(PRODUCT, { origin, "accept-encoding": "br" });
  assert.equal(product.headers.vary, "Origin, Accept-Encoding");
  assert.equal((await ask("/", { origin })).headers.vary, "Origin, Host, Accept-Encoding");
});

for (const accept of ["text/event-stream", "application/x-ndjson"]) {
  test(`sends ${accept} as it is`, async () => {
    const headers = { accept, authorization, "accept-encoding": "gzip, br" };
    const answer = await ask(`/v1/orders/${ORDER_ID}:watch`, headers);
    assert.equal(answer.headers["content-encoding"], undefined);
    assert.match(answer.body.toString(), /x{5000}/);
  });
}

test("leaves Connect to compress by itself", async () => {
  const catalog = createClient(CatalogService, createConnectTransport({ baseUrl: edge.url, httpVersion: "1.1" }));
  let coding: string | null = null;
  const onHeader = (headers: Headers) => {
    coding = headers.get("content-encoding");
  };
  const { product } = await catalog.getProduct({ id: PRODUCT_ID }, { onHeader });
  assert.equal(product?.description.length, 3_500);
  assert.ok(coding === "gzip" || coding === "br", `${coding}`);
});
