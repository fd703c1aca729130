/** A request that does not come whole ends by itself at a service's port, alone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { afterAll, beforeAll, test } from "vitest";
import { GrpcServer } from "../src/rpc/server.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";

const ADDRESS = "127.0.0.1:14292";
const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
const server = new GrpcServer({
  telemetry,
  log: createLogger({}, "silent"),
  servedBy: "catalog/v1/catalog-v1-1",
  verifier: undefined,
  maxConcurrent: 10,
  requestMs: 500,
});

beforeAll(async () => {
  await server.listen(ADDRESS);
  server.setServing(true);
});
afterAll(async () => {
  await server.drain(100);
  await telemetry.stop();
});

test("a call whose message stays half-sent is reset, and a stream with nothing to say on the same connection goes on", async () => {
  const session = http2.connect(`http://${ADDRESS}`);
  session.on("error", () => {});
  const call = (method: string) => {
    const path = `/grpc.health.v1.Health/${method}`;
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    return stream;
  };
  const watch = call("Watch");
  watch.end(Buffer.alloc(5));
  await once(watch, "data");
  const half = call("Check");
  half.resume();
  half.write(Buffer.from([0, 0, 0, 0, 9]));
  await once(half, "close", { signal: AbortSignal.timeout(5_000) });
  assert.equal(half.rstCode, http2.constants.NGHTTP2_CANCEL);
  assert.deepEqual([watch.closed, session.closed], [false, false]);
  session.destroy();
});
