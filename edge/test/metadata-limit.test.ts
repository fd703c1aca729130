/** More headers than a request may bring are refused in words, in every protocol, and cost that request alone. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@row/gen/es/google/rpc/error_details_pb.ts";
import { CatalogService } from "@row/gen/es/shop/catalog/v1/catalog_service_pb.ts";
import { Order_State } from "@row/gen/es/shop/orders/v1/order_pb.ts";
import { OrderService } from "@row/gen/es/shop/orders/v1/order_service_pb.ts";
import { afterAll, beforeAll, test } from "vitest";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID, USER_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
});
afterAll(() => edge.stop());

const keys = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-key-${index}`, "v"]));
const TOO_MUCH = {
  "15 KB of headers": { "x-long": "a".repeat(15_000) },
  "120 headers": keys(120),
  "500 headers": keys(500),
};
const SAID =
  /^Cannot take what comes beside the request: it has \d+ keys and \d+ bytes; at most 100 and 8192 are taken$/;

for (const [what, headers] of Object.entries(TOO_MUCH)) {
  test(`a REST request with ${what} is answered 431 (RFC 6585, section 5) in the shape of every other error`, async () => {
    const response = await edge.fetch(`/v1/products/${PRODUCT_ID}`, { headers });
    assert.equal(response.status, 431);
    const { code, message, details } = (await response.json()) as { code: Code; message: string; details: object[] };
    assert.equal(code, Code.ResourceExhausted);
    assert.match(message, SAID);
    assert.deepEqual(details, [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "METADATA_TOO_LARGE", domain: "shop" },
    ]);
  });

  const protocols: Record<string, () => Transport> = {
    "Connect over HTTP/1.1": () => createConnectTransport({ baseUrl: edge.url, httpVersion: "1.1" }),
    "Connect over HTTP/2": () => createConnectTransport({ baseUrl: edge.grpcUrl, httpVersion: "2" }),
    "gRPC-Web": () => createGrpcWebTransport({ baseUrl: edge.url, httpVersion: "1.1" }),
    gRPC: () => createGrpcTransport({ baseUrl: edge.grpcUrl }),
  };
  for (const [protocol, transport] of Object.entries(protocols)) {
    test(`a call with ${what} over ${protocol} is refused as RESOURCE_EXHAUSTED, with the reason`, async () => {
      await assert.rejects(
        createClient(CatalogService, transport()).getProduct({ id: PRODUCT_ID }, { headers }),
        isRefused,
      );
    });
  }

  test(`a call with ${what} leaves its connection to the stream that is open on it, and to the next call`, async () => {
    edge.orders.on("watchOrder", async function* () {
      yield { order: { id: ORDER_ID, state: Order_State.PENDING } };
      await sleep(500);
      yield { order: { id: ORDER_ID, state: Order_State.CONFIRMED } };
    });
    const transport = createGrpcTransport({
      baseUrl: edge.grpcUrl,
      sessionManager: new Http2SessionManager(edge.grpcUrl),
    });
    const catalog = createClient(CatalogService, transport);
    const authorization = `Bearer ${await edge.auth.tokenFor({ id: USER_ID })}`;
    const states: (Order_State | undefined)[] = [];
    const watched = createClient(OrderService, transport).watchOrder({ id: ORDER_ID }, { headers: { authorization } });
    for await (const { order } of watched) {
      states.push(order?.state);
      if (states.length > 1) continue;
      await assert.rejects(catalog.getProduct({ id: PRODUCT_ID }, { headers }), isRefused);
      assert.equal((await catalog.getProduct({ id: PRODUCT_ID })).product?.id, PRODUCT_ID);
    }
    assert.deepEqual(states, [Order_State.PENDING, Order_State.CONFIRMED]);
  });
}

function isRefused(error: unknown): true {
  assert.ok(error instanceof ConnectError);
  assert.equal(error.code, Code.ResourceExhausted, error.message);
  assert.match(error.rawMessage, SAID);
  assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, "METADATA_TOO_LARGE");
  return true;
}

test("what is no request of HTTP/1.1, or has more headers than are read, is answered in the shape of every other error", async () => {
  for (const [request, status, reason] of [
    [`GET / HTTP/1.1\r\nhost: a\r\nx-long: ${"a".repeat(40_000)}\r\n\r\n`, "431", "METADATA_TOO_LARGE"],
    ["GET / HTTP/1.1\r\nno header\r\n\r\n", "400", "MALFORMED_MESSAGE"],
  ] as const) {
    const answer = await sendRaw(request);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    assert.equal(head.split(" ")[1], status);
    assert.match(head, /^content-type: application\/json; charset=utf-8$/m);
    assert.equal(JSON.parse(body).details[0].reason, reason);
  }
});

async function sendRaw(request: string): Promise<string> {
  const socket = connect(Number(new URL(edge.url).port), "127.0.0.1");
  socket.write(request);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}
