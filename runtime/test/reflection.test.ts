/** What tools learn from a service's reflection. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { queryObjects } from "node:v8";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import {
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@row/gen/es/grpc/reflection/v1/reflection_pb.ts";
import { afterAll, beforeAll, test } from "vitest";
import { addReflection } from "../src/rpc/reflection.ts";

const ADDRESS = "127.0.0.1:14290";
const server = new Server();
const client = new Client(ADDRESS, credentials.createInsecure());

beforeAll(async () => {
  addReflection(server, ["shop.orders.v1.OrderService"]);
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(ADDRESS, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
});
afterAll(() => {
  client.close();
  server.forceShutdown();
});

function fileOf(symbol: string, version: string): Promise<ServerReflectionResponse["messageResponse"]> {
  const asIs = (bytes: Buffer) => bytes;
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const call = client.makeBidiStreamRequest(path, asIs, asIs, { deadline: Date.now() + 10_000 });
  const messageRequest = { case: "fileContainingSymbol" as const, value: symbol };
  call.end(
    Buffer.from(toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { messageRequest }))),
  );
  return new Promise((resolve, reject) => {
    call.once("error", reject);
    call.once("data", (bytes: Buffer) => resolve(fromBinary(ServerReflectionResponseSchema, bytes).messageResponse));
  });
}

test("no contract is kept in memory for reflection before somebody asks for one", async () => {
  const { FileDescriptorProto } = createRequire(import.meta.resolve("@grpc/reflection"))("protobufjs/ext/descriptor");
  const kept = () => queryObjects(FileDescriptorProto.ctor, { format: "count" });
  assert.equal(kept(), 0);
  await fileOf("shop.orders.v1.Order.State", "v1");
  assert.ok(kept() > 20, `${kept()} files`);
});

for (const version of ["v1", "v1alpha"]) {
  test(`an enum's value is found beside its enum, as protobuf names it, by ${version} (descriptor.proto, EnumValueDescriptorProto)`, async () => {
    for (const symbol of [
      "shop.orders.v1.Order.STATE_PENDING",
      "shop.orders.v1.Order.State",
      "shop.options.v1.ACCESS_PUBLIC",
      "grpc.health.v1.HealthCheckResponse.SERVING",
    ]) {
      const answer = await fileOf(symbol, version);
      assert.ok(answer.case === "fileDescriptorResponse", `${symbol}: ${JSON.stringify(answer.value)}`);
      const [file] = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
      assert.ok(symbol.startsWith(`${file?.package}.`), `${symbol} is in ${file?.name}`);
    }
    const unknown = await fileOf("shop.orders.v1.STATE_PENDING", version);
    assert.equal(unknown.case, "errorResponse", "the scope of the enum is its message, not its file");
  });
}
