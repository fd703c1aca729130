import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@row/gen/es/google/rpc/error_details_pb.ts";
import { CatalogService } from "@row/gen/es/shop/catalog/v1/catalog_service_pb.ts";
import { Order_State } from "@row/gen/es/shop/orders/v1/order_pb.ts";
import { OrderService } from "@row/gen/es/shop/orders/v1/order_service_pb.ts";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID, refusal, USER_ID } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
before(async () => {
  edge = await EdgeUnderTest.start(16050);
});
after(() => edge.stop());
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
      { onHeader, headers: { "x-correlation-id": "c-1" } },
    );
    assert.equal(product?.version, 5n);
    assert.equal(headers.get("x-served-by"), "edge/v1/edge-v1-1, catalog/v1/catalog-v1-1");
    assert.equal(headers.get("x-correlation-id"), "c-1");
    assert.deepEqual(edge.catalog.received[0]?.metadata.get("x-correlation-id"), ["c-1"]);
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
      throw refusal("refused", "SOME_REASON", "Cannot do it");
    });
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor()}` };
    const error = await failure(orders().getOrder({ id: ORDER_ID }, { headers }));
    assert.equal(error.code, Code.FailedPrecondition);
    assert.equal(error.rawMessage, "Cannot do it");
    assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, "SOME_REASON");
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

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new assert.AssertionError({ message: "the call did not fail" });
}
