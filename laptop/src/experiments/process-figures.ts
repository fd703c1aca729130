/** What the processes of a version took of the machine, from what they say of themselves twice. Pure: it only computes. */
import { meanOf } from "./mean.ts";

/** What one instance's /metrics say. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  /** What its heap held after the last full collection; undefined until there was one. */
  readonly heapBytes: number | undefined;
}

const CPU = "process_cpu_time_seconds_total";
const HEAP = "v8js_memory_heap_used_after_last_gc_bytes";

/** Undefined where the text does not tell the processor time. */
export function processFigures(metrics: string): ProcessFigures | undefined {
  const cpuSeconds = figure(metrics, CPU);
  return cpuSeconds === undefined ? undefined : { cpuSeconds, heapBytes: figure(metrics, HEAP) };
}

function figure(metrics: string, name: string): number | undefined {
  for (let at = metrics.indexOf(`\n${name}`); at >= 0; at = metrics.indexOf(`\n${name}`, at + 1)) {
    const line = metrics.slice(at + 1, metrics.indexOf("\n", at + 1));
    if (!/^[{ ]/.test(line.slice(name.length))) continue;
    const value = Number(/ (\S+)$/.exec(line.replace(/( \S+) \d{13}$/, "$1"))?.[1]);
    return Number.isFinite(value) ? value : undefined;
  }
  return undefined;
}

/** By instance, what was read of it; undefined where it could not be. */
export type Reading = ReadonlyMap<string, ProcessFigures | undefined>;

/** The instances' mean; undefined unless all of them tell it. */
export function heapBytes(now: Reading): number | undefined {
  return meanOf([...now.values()].map((figures) => figures?.heapBytes));
}

/** All instances together since the reading before; undefined where one was not read twice or was started anew. */
export function cpuSeconds(before: Reading, now: Reading): number | undefined {
  let sum = 0;
  for (const [instance, figures] of now) {
    const used = (figures?.cpuSeconds ?? Number.NaN) - (before.get(instance)?.cpuSeconds ?? Number.NaN);
    if (!(used >= 0)) return undefined;
    sum += used;
  }
  return now.size > 0 ? sum : undefined;
}
