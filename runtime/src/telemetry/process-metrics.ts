/** What a process takes of the machine, by OpenTelemetry's conventions: what a version may be judged by beside its answers. */
import { constants, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { Meter } from "@opentelemetry/api";

const MICROSECONDS = 1e6;

/**
 * Shows CPU time, resident memory and what the heap held after its last full collection: what a leak makes grow, whatever garbage
 * comes and goes. The latter is missing until there was one. The returned function ends that.
 */
export function showProcess(meter: Meter): () => void {
  const cpuTime = meter.createObservableCounter("process.cpu.time", {
    description: "CPU time of the process",
    unit: "s",
  });
  const memory = meter.createObservableGauge("process.memory.usage", {
    description: "Resident memory of the process",
    unit: "By",
  });
  const heap = meter.createObservableGauge("v8js.memory.heap.used_after_last_gc", {
    description: "What the heap held after its last full collection",
    unit: "By",
  });
  let usedAfterGc: number | undefined;
  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some(isFull)) usedAfterGc = getHeapStatistics().used_heap_size;
  });
  observer.observe({ entryTypes: ["gc"] });
  meter.addBatchObservableCallback(
    (result) => {
      const { user, system } = process.cpuUsage();
      result.observe(cpuTime, (user + system) / MICROSECONDS);
      result.observe(memory, process.memoryUsage.rss());
      if (usedAfterGc !== undefined) result.observe(heap, usedAfterGc);
    },
    [cpuTime, memory, heap],
  );
  return () => observer.disconnect();
}

/** As Node documents the entries of "gc". */
function isFull({ detail }: PerformanceEntry & { readonly detail?: unknown }): boolean {
  const isDetailed = typeof detail === "object" && detail !== null && "kind" in detail;
  return isDetailed && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
