/** The wall clock of a process is set while it works: durations go on as they were. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const folder = mkdtempSync(join(tmpdir(), "row-clock-"));
const offset = join(folder, "offset");
writeFileSync(offset, "0");
process.env.CLOCK_OFFSET_FILE = offset;
// Before whatever might keep the clock that it finds.
const { setClock } = await import("@row/tests/harness/shifted-clock.ts");
const { Server, ServerCredentials } = await import("@grpc/grpc-js");
const { CatalogServiceService } = await import("@row/gen/grpc/shop/catalog/v1/catalog_service.ts");
const { freePort } = await import("@row/tests/harness/ports.ts");
const { connectNats } = await import("../src/events/nats.ts");
const { GrpcChannel } = await import("../src/rpc/client.ts");
const { GrpcServer } = await import("../src/rpc/server.ts");
const { createLogger } = await import("../src/telemetry/logger.ts");
const { startTelemetry } = await import("../src/telemetry/telemetry.ts");
const { eventually, startNats } = await import("./harness.ts");

const log = createLogger({}, "silent");
const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });

afterAll(() => setClock(0));

for (const [jump, where] of [
  [YEAR_MS, "a year ahead"],
  [-YEAR_MS, "a year back"],
] as const) {
  test(`NATS is found again after the clock was set ${where}`, async (t) => {
    t.onTestFinished(() => setClock(0));
    const server = await startNats();
    const nats = await connectNats({ url: server.url, log });
    t.onTestFinished(async () => {
      await nats.close();
      await server.remove();
    });
    setClock(jump);
    await server.stop();
    await eventually("NATS is gone", () => !nats.connected());
    await server.start();
    await eventually("NATS is back", () => nats.connected());
  });

  test(`a call goes on while the clock is set ${where}, and so do the calls that it makes then`, async (t) => {
    t.onTestFinished(() => setClock(0));
    const [first, second] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const callee = new Server();
    const answer = (_call: unknown, done: (error: null, response: object) => void) => done(null, { products: [] });
    callee.addService(CatalogServiceService as never, { batchGetProducts: answer });
    await new Promise((resolve) => callee.bindAsync(second, ServerCredentials.createInsecure(), resolve));
    const channels = [first, second].map(
      (address) => new GrpcChannel({ name: "cart", telemetry, claimsIdentity: true }, address),
    );
    const [toFirst, toSecond] = channels.map((channel) => channel.client(CatalogServiceService));
    assert.ok(toFirst && toSecond);
    const unused = () => Promise.reject(new Error("not in this test"));
    const unusedOnce = Object.assign(unused, { isIdempotent: true as const });
    const server = new GrpcServer({ telemetry, log, servedBy: "first/v1/1", verifier: undefined, maxConcurrent: 10 });
    let isConnected = false;
    server.add(CatalogServiceService, {
      async getProduct() {
        if (isConnected) setClock(jump);
        await toSecond.batchGetProducts({ ids: [randomUUIDv7()] });
        return { product: undefined };
      },
      ...{ batchGetProducts: unused, listProducts: unused, searchProducts: unused, listCategories: unused },
      ...{ createProduct: unusedOnce, updateProduct: unused, changePrice: unusedOnce },
    });
    await server.listen(first);
    t.onTestFinished(async () => {
      for (const channel of channels) channel.close();
      callee.forceShutdown();
      await server.drain(100);
    });
    const ask = () => toFirst.getProduct({ id: randomUUIDv7() });
    await eventually("all are connected", () => ask().then(Boolean, () => false));
    isConnected = true;
    assert.deepEqual(await ask(), { product: undefined });
  });
}
