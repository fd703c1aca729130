import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@row/gen/es/google/rpc/error_details_pb.ts";
import {
  CatalogService,
  GetProductRequestSchema,
  GetProductResponseSchema,
} from "@row/gen/es/shop/catalog/v1/catalog_service_pb.ts";
import { Order_State } from "@row/gen/es/shop/orders/v1/order_pb.ts";
import { OrderService } from "@row/gen/es/shop/orders/v1/order_service_pb.ts";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID, refusal, USER_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
});
afterAll(() => edge.stop());
afterEach(() => {
  edge.catalog.forget();
  edge.orders.forget();
});

const protocols: Record<string, () => Transport> = {
  "Connect with JSON": () => createConnectTransport({ baseUrl: edge.url, httpVersion: "1.1", useBinaryFormat: false }),
  "Connect with protobuf": () => createConnectTransport({ baseUrl: edge.url, httpVersion: "1.1" }),
  "gRPC-Web": () => createGrpcWebTransport({ baseUrl: edge.url, httpVersion: "1.1" }),
  gRPC: () => createGrpcTransport({ baseUrl: edge.grpcUrl }),
  "gRPC-Web on the gRPC port": () => createGrpcWebTransport({ baseUrl: edge.grpcUrl, httpVersion: "2" }),
};

for (const [protocol, transport] of Object.entries(protocols)) {
  const orders = (): Client<typeof OrderService> => createClient(OrderService, transport());

  test(`serves a unary call over ${protocol}`, async () => {
    edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID, version: 5n } }));
    let headers = new Headers();
    const catalog = createClient(CatalogService, transport());
    const onHeader = (given: Headers) => {
      headers = given;
    };
    const { product } = await catalog.getProduct(
      { id: PRODUCT_ID },
      { onHeader, headers: { "x-correlation-id": "c-1", "x-preview": "v2" } },
    );
    assert.equal(product?.version, 5n);
    assert.equal(headers.get("x-served-by"), "edge/v1/edge-v1-1, catalog/v1/catalog-v1-1");
    assert.equal(headers.get("x-correlation-id"), "c-1");
    const sent = ["x-correlation-id", "baggage", "x-preview"];
    const { metadata } = edge.catalog.received[0] ?? {};
    assert.deepEqual(
      sent.map((name) => metadata?.get(name)[0]),
      ["c-1", "preview=v2", "v2"],
    );
  });

  test(`serves a stream over ${protocol}`, async () => {
    edge.orders.on("watchOrder", async function* () {
      yield { order: { id: ORDER_ID, state: Order_State.PENDING } };
      yield { order: { id: ORDER_ID, state: Order_State.CONFIRMED } };
    });
    const states: (Order_State | undefined)[] = [];
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor({ id: USER_ID })}` };
    for await (const { order } of orders().watchOrder({ id: ORDER_ID }, { headers })) states.push(order?.state);
    assert.deepEqual(states, [Order_State.PENDING, Order_State.CONFIRMED]);
  });

  test(`passes a refusal on with its details over ${protocol}`, async () => {
    edge.orders.on("getOrder", () => {
      throw refusal("refused", "CONFLICT", "Cannot do it");
    });
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}` };
    const error = await failure(orders().getOrder({ id: ORDER_ID }, { headers }));
    assert.equal(error.code, Code.FailedPrecondition);
    assert.equal(error.rawMessage, "Cannot do it");
    assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, "CONFLICT");
  });

  test(`checks tokens and requests over ${protocol}`, async () => {
    assert.equal((await failure(orders().getOrder({ id: ORDER_ID }))).code, Code.Unauthenticated);
    const bad = { authorization: `Bearer ${await edge.auth.tokenFor({ expiresIn: -5 })}` };
    assert.equal((await failure(orders().getOrder({ id: ORDER_ID }, { headers: bad }))).code, Code.Unauthenticated);
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}` };
    const error = await failure(orders().getOrder({ id: "x" }, { headers }));
    assert.equal(error.code, Code.InvalidArgument);
    assert.match(error.rawMessage, /^id: /);
    assert.equal(edge.orders.received.length, 0);
  });

  test(`waits no longer than a caller over ${protocol} wants`, async () => {
    edge.orders.on("getOrder", () => new Promise(() => {}));
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}` };
    const error = await failure(orders().getOrder({ id: ORDER_ID }, { headers, timeoutMs: 400 }));
    assert.equal(error.code, Code.DeadlineExceeded);
    const { deadlineMs = 0 } = edge.orders.received[0] ?? {};
    assert.ok(deadlineMs > 0 && deadlineMs <= 400, `${deadlineMs}`);
  });

  test(`serves nothing over ${protocol} that is for services only`, async () => {
    const catalog = createClient(CatalogService, transport());
    const error = await failure(catalog.batchGetProducts({ ids: [PRODUCT_ID] }));
    assert.ok([Code.Unimplemented, Code.NotFound].includes(error.code), error.message);
    assert.equal(edge.catalog.received.length, 0);
  });
}

for (const type of [
  'application/json; charset="utf-8"',
  "application/json ; charset=UTF-8",
  "application/json;charset=utf8",
]) {
  test(`takes ${type} at a Connect path, as any other way to write it (RFC 9110, section 8.3.1)`, async () => {
    edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
    const body = JSON.stringify({ id: PRODUCT_ID });
    const headers = { "content-type": type };
    const answer = await edge.fetch("/shop.catalog.v1.CatalogService/GetProduct", { method: "POST", headers, body });
    assert.equal(answer.status, 200, await answer.text());
  });
}

test("serves gRPC-Web in text mode, whose frames are base64 (PROTOCOL-WEB.md of grpc)", async () => {
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID, version: 5n } }));
  const message = toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { id: PRODUCT_ID }));
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  const headers = { "content-type": "application/grpc-web-text", "x-grpc-web": "1" };
  const path = "/shop.catalog.v1.CatalogService/GetProduct";
  // A client may send pieces, each with its own padding.
  const pieces = [frame.subarray(0, 4), frame.subarray(4)].map((piece) => piece.toString("base64")).join("");
  for (const body of [frame.toString("base64"), pieces]) {
    const answer = await edge.fetch(path, { method: "POST", headers, body });
    assert.match(answer.headers.get("content-type") ?? "", /^application\/grpc-web-text/);
    const text = await answer.text();
    const bytes = Buffer.concat((text.match(/[^=]+=*/g) ?? []).map((piece) => Buffer.from(piece, "base64")));
    const length = bytes.readUInt32BE(1);
    assert.equal(fromBinary(GetProductResponseSchema, bytes.subarray(5, 5 + length)).product?.version, 5n);
    assert.match(bytes.subarray(5 + length + 5).toString(), /grpc-status: 0/);
  }
});

test("names fields in words of the protocol: a Connect refusal of JSON speaks of no library", async () => {
  const headers = { "content-type": "application/json" };
  const path = "/shop.catalog.v1.CatalogService/ListProducts";
  for (const [body, said] of [
    ['{"pageSize":"0x10"}', "pageSize: must be a decimal number"],
    ['{"pageSize":"x"}', "pageSize: must be a decimal number"],
    ['{"nope":1}', "nope: there is no such field"],
    ['{"pageToken":5}', "pageToken: must be a string"],
  ] as const) {
    const answer = await edge.fetch(path, { method: "POST", headers, body });
    const { message } = (await answer.json()) as { message: string };
    assert.equal(answer.status, 400, message);
    assert.ok(message.startsWith(said), message);
  }
});

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new assert.AssertionError({ message: "the call did not fail" });
}
