import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, test } from "vitest";
import { startTelemetry } from "./telemetry.ts";

const telemetry = startTelemetry({ name: "catalog", version: "v1", instance: "catalog-v1-1", endpoint: undefined });
afterAll(() => telemetry.stop());

setFlagsFromString("--expose-gc");
const collectAll: () => void = runInNewContext("gc");

async function figure(name: string): Promise<number> {
  const line = (await telemetry.metricsText()).split("\n").find((one) => one.startsWith(`${name}{`));
  return Number(line?.split(" ").at(-1));
}

const HEAP = "v8js_memory_heap_used_after_last_gc_bytes";

test("the heap after a full collection grows by what is kept, and not by garbage", async () => {
  /** What the figure is after one more full collection. */
  const collected = async (): Promise<number> => {
    collectAll();
    await sleep(50); // who observes collections hears of it in a later turn
    return figure(HEAP);
  };
  const before = await collected();
  const kept = new Array<number>(4e6).fill(0.5);
  const grown = (await collected()) - before;
  assert.ok(grown > 30e6 && grown < 45e6, `${grown} bytes for ${kept.length} numbers`);
  kept.length = 0;
  const left = (await collected()) - before;
  assert.ok(left < 10e6, `${left} bytes more`);
});

test("CPU time and resident memory are those of the process", async () => {
  const { user, system } = process.cpuUsage();
  const seconds = await figure("process_cpu_time_seconds_total");
  assert.ok(seconds >= (user + system) / 1e6);
  assert.ok((await figure("process_memory_usage_bytes")) > 10e6);
});
