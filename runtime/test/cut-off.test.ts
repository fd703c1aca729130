import assert from "node:assert/strict";
import { createServer, constants as http2, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { status } from "@grpc/grpc-js";
import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { afterAll, test } from "vitest";
import { GrpcChannel } from "../src/rpc/client.ts";
import { RpcError } from "../src/rpc/status.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";

const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
let answer: (stream: ServerHttp2Stream) => void = () => {};
const server = createServer();
server.on("stream", (stream: ServerHttp2Stream) => {
  stream.on("error", () => {});
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  answer(stream);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const channel = new GrpcChannel(
  { name: "test", telemetry, claimsIdentity: false, serviceConfig: undefined },
  `127.0.0.1:${(server.address() as AddressInfo).port}`,
);
afterAll(() => {
  channel.close();
  server.close();
});

async function codeOf(ends: (stream: ServerHttp2Stream) => void): Promise<status> {
  answer = ends;
  const failure = await channel
    .client(CatalogServiceService)
    .listCategories({})
    .catch((error: unknown) => error);
  assert.ok(failure instanceof RpcError);
  return failure.code;
}

test("an answer that breaks off is no fault of the callee: UNAVAILABLE, to be tried again", async () => {
  assert.equal(await codeOf((stream) => stream.close(http2.NGHTTP2_INTERNAL_ERROR)), status.UNAVAILABLE);
  assert.equal(await codeOf((stream) => stream.close(http2.NGHTTP2_PROTOCOL_ERROR)), status.UNAVAILABLE);
});

test("INTERNAL that the callee says itself stays INTERNAL", async () => {
  const code = await codeOf((stream) => {
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "13", "grpc-message": "a bug" }));
    stream.end();
  });
  assert.equal(code, status.INTERNAL);
});
