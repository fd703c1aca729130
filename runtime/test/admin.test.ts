/** What the admin port does besides telling how the process is. */
import assert from "node:assert/strict";
import { freePort } from "@row/tests/harness/ports.ts";
import { test, vi } from "vitest";
import { startAdmin } from "../src/admin.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";

test("garbage is collected on request, so that the heap that metrics tell is what is kept, and no more often than every four seconds", async (context) => {
  const telemetry = startTelemetry({ name: "catalog", version: "v1", instance: "catalog-v1-1", endpoint: undefined });
  const address = `127.0.0.1:${await freePort()}`;
  const admin = await startAdmin(address, telemetry);
  context.onTestFinished(async () => {
    await admin.close();
    await telemetry.stop();
  });
  const collect = async () => (await fetch(`http://${address}/collect-garbage`, { method: "POST" })).text();
  const heap = async () => {
    const text = await (await fetch(`http://${address}/metrics`)).text();
    return Number(/^v8js_memory_heap_used_after_last_gc_bytes\S* (\S+)/m.exec(text)?.[1]);
  };
  assert.equal((await fetch(`http://${address}/collect-garbage`)).status, 404, "looking changes nothing");
  const kept = new Array<number>(4e6).fill(0.5);
  assert.equal(await collect(), "collected\n");
  await vi.waitUntil(async () => (await heap()) > kept.length * 8, { timeout: 5_000 });
  assert.equal(await collect(), "just collected\n");
});
