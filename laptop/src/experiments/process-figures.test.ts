import assert from "node:assert/strict";
import { test } from "vitest";
import { cpuSeconds, heapBytes, type ProcessFigures, processFigures } from "./process-figures.ts";

const TEXT = `# HELP process_cpu_time_seconds_total CPU time of the process
# TYPE process_cpu_time_seconds_total counter
process_cpu_time_seconds_total{service_name="catalog"} 1.25
# TYPE v8js_memory_heap_used_after_last_gc_bytes gauge
v8js_memory_heap_used_after_last_gc_bytes{service_name="a b"} 12000000 1763710000000
`;

test("processor time and heap are read from a process's own metrics", () => {
  assert.deepEqual(processFigures(TEXT), { cpuSeconds: 1.25, heapBytes: 12_000_000 });
});

test("a heap that was never collected in full is unknown, and not zero", () => {
  const text = TEXT.replaceAll("v8js_", "other_");
  assert.deepEqual(processFigures(text), { cpuSeconds: 1.25, heapBytes: undefined });
  assert.equal(processFigures("nothing"), undefined);
});

const reading = (...figures: (ProcessFigures | undefined)[]) =>
  new Map(figures.map((one, index) => [`catalog-v2-${index + 1}`, one]));

test("a version's heap is its instances' mean, its processor time their sum", () => {
  const before = reading({ cpuSeconds: 1, heapBytes: 10 }, { cpuSeconds: 5, heapBytes: 30 });
  const now = reading({ cpuSeconds: 1.5, heapBytes: 20 }, { cpuSeconds: 5.25, heapBytes: 40 });
  assert.equal(heapBytes(now), 30);
  assert.equal(cpuSeconds(before, now), 0.75);
});

test("one instance that does not tell, or was started anew, makes a gap", () => {
  const known = reading({ cpuSeconds: 3, heapBytes: 10 });
  assert.equal(heapBytes(reading({ cpuSeconds: 1, heapBytes: 10 }, undefined)), undefined);
  assert.equal(cpuSeconds(known, reading(undefined)), undefined);
  assert.equal(cpuSeconds(reading(undefined), known), undefined);
  assert.equal(cpuSeconds(new Map(), known), undefined);
  assert.equal(cpuSeconds(known, reading({ cpuSeconds: 0.2, heapBytes: 10 })), undefined);
});
