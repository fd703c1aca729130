import assert from "node:assert/strict";
import { resolve } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, Server, ServerCredentials, type ServiceError, status, type UntypedHandleCall } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema } from "@row/gen/es/google/rpc/error_details_pb.ts";
import { StatusSchema } from "@row/gen/es/google/rpc/status_pb.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { type TestContext, test } from "vitest";
import { callMethod, findMethod } from "../src/dynamic-client.ts";
import { describeFailure } from "../src/grpc-failure.ts";

const contracts = loadContracts(resolve(import.meta.dirname, "../.."));
const getOrder = findMethod(contracts, "OrderService.GetOrder");
const watchOrder = findMethod(contracts, "shop.orders.v1.OrderService/WatchOrder");

async function serve(context: TestContext, method: typeof getOrder, handle: UntypedHandleCall): Promise<string> {
  const server = new Server();
  const path = `/${method.parent.typeName}/${method.name}`;
  const bytes = (value: Buffer) => value;
  server.addService(
    {
      method: {
        path,
        requestStream: false,
        responseStream: method.methodKind === "server_streaming",
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    },
    { method: handle },
  );
  context.onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  return `127.0.0.1:${port}`;
}

test("finds a method by its full name and by a short one, and lists what there is otherwise", () => {
  assert.equal(getOrder.input.typeName, "shop.orders.v1.GetOrderRequest");
  assert.equal(findMethod(contracts, "shop.orders.v1.OrderService/GetOrder"), getOrder);
  assert.equal(findMethod(contracts, "GetOrder"), getOrder);
  assert.throws(() => findMethod(contracts, "OrderService.Fetch"), /no contract.*OrderService\.Fetch.*PlaceOrder/i);
});

test("refuses a request with a field that the contract does not have", async () => {
  const call = callMethod({
    address: "127.0.0.1:1",
    method: getOrder,
    request: { colour: 1 },
    metadata: new Metadata(),
    contracts,
  });
  await assert.rejects(call.next(), /^RowError: Cannot use the request: .*"colour" is unknown/);
});

test("prints every message of a stream as proto3 JSON", async (context) => {
  const address = await serve(context, watchOrder, (call: { write(bytes: Uint8Array): void; end(): void }) => {
    for (let count = 0; count < 3; count += 1)
      call.write(Buffer.from(toBinary(watchOrder.output, create(watchOrder.output))));
    call.end();
  });
  const answers: unknown[] = [];
  for await (const answer of callMethod({
    address,
    method: watchOrder,
    request: {},
    metadata: new Metadata(),
    contracts,
  })) {
    answers.push(answer);
  }
  assert.equal(answers.length, 3);
  assert.equal(typeof answers[0], "object");
});

test("describes a refusal by its code, message, reason and fields", async (context) => {
  const details = create(StatusSchema, {
    code: status.INVALID_ARGUMENT,
    details: [
      anyPack(
        ErrorInfoSchema,
        create(ErrorInfoSchema, { reason: "INVALID_REQUEST", domain: "shop", metadata: { limit: "5" } }),
      ),
      anyPack(
        BadRequestSchema,
        create(BadRequestSchema, { fieldViolations: [{ field: "order_id", description: "must be a UUID" }] }),
      ),
    ],
  });
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, details)));
  const address = await serve(context, getOrder, (_call: unknown, answer: (error: object) => void) =>
    answer({ code: status.INVALID_ARGUMENT, details: "Cannot find it", metadata }),
  );
  const call = callMethod({ address, method: getOrder, request: {}, metadata: new Metadata(), contracts });
  await assert.rejects(call.next(), (error: ServiceError) => {
    assert.equal(
      describeFailure(error, contracts),
      'INVALID_ARGUMENT: Cannot find it\n  reason INVALID_REQUEST (shop) {"limit":"5"}\n  order_id: must be a UUID',
    );
    return true;
  });
});
