/** The gates with a stated limit instead of a test: memory, processor time and start. They roll back and never promote. Pure: it only computes. */
import type { CpuGate, MemoryGate, StartGate } from "./rule.ts";
import type { Pair, SecondCounts, StartTimes } from "./second-counts.ts";
import { type Point, slopeOf } from "./theil-sen.ts";

export interface Resources {
  /** Bytes of heap by second, of the time that is looked back on. */
  readonly heap: { readonly baseline: readonly Point[]; readonly canary: readonly Point[] };
  readonly cpu: { readonly baseline: CpuUse; readonly canary: CpuUse };
  readonly start: { readonly baseline?: StartTimes; readonly canary?: StartTimes };
}

interface CpuUse {
  readonly seconds: number;
  readonly requests: number;
}

/** A gate that fired, and what it saw. */
export interface Finding {
  readonly gate: string;
  readonly says: string;
}

/** A slope is looked for once there is a minute, in the last two. */
const SHORTEST_S = 60;
const LONGEST_S = 120;
/** Garbage is not collected every second. */
const FEWEST_POINTS = 5;
const MEGABYTE = 1e6;

const NO_CPU: CpuUse = { seconds: 0, requests: 0 };
export const NO_RESOURCES: Resources = {
  heap: { baseline: [], canary: [] },
  cpu: { baseline: NO_CPU, canary: NO_CPU },
  start: {},
};

export function withResources(before: Resources, counts: SecondCounts, isWarm: boolean): Resources {
  const start = { ...before.start, ...counts.start };
  if (!isWarm) return { ...before, start };
  const { second, heapBytes = {}, cpuSeconds = {}, requests } = counts;
  return {
    start,
    heap: {
      baseline: withSample(before.heap.baseline, second, heapBytes.baseline),
      canary: withSample(before.heap.canary, second, heapBytes.canary),
    },
    cpu: {
      baseline: withUse(before.cpu.baseline, cpuSeconds.baseline, requests.baseline),
      canary: withUse(before.cpu.canary, cpuSeconds.canary, requests.canary),
    },
  };
}

function withSample(points: readonly Point[], second: number, bytes: Pair["canary"]): readonly Point[] {
  const kept = points.filter(({ x }) => x > second - LONGEST_S);
  return bytes === undefined ? kept : [...kept, { x: second, y: bytes }];
}

function withUse(use: CpuUse, seconds: Pair["canary"], requests: number): CpuUse {
  return seconds === undefined ? use : { seconds: use.seconds + seconds, requests: use.requests + requests };
}

/** The heap grows faster than the baseline's by more than the limit, in both halves of the last one to two minutes. */
export function memoryFinding({ heap }: Resources, { megabytesPerMinute }: MemoryGate): Finding | undefined {
  const first = Math.max(heap.baseline[0]?.x ?? 0, heap.canary[0]?.x ?? 0);
  const last = Math.min(heap.baseline.at(-1)?.x ?? 0, heap.canary.at(-1)?.x ?? 0);
  if (last - first < SHORTEST_S) return undefined;
  const middle = (first + last) / 2;
  const early = growth(heap, first, middle);
  const late = growth(heap, middle, last);
  if (!early || !late) return undefined;
  if (Math.min(early.more, late.more) <= megabytesPerMinute) return undefined;
  const says = `its heap grows by ${early.canary.toFixed(1)} and ${late.canary.toFixed(1)} MB/min in the two halves of the last ${Math.round(last - first)} s against ${early.baseline.toFixed(1)} and ${late.baseline.toFixed(1)} MB/min of the baseline's; up to ${megabytesPerMinute} MB/min more are allowed`;
  return { gate: "memory", says };
}

/** MB/min between two seconds. */
function growth(heap: Resources["heap"], from: number, to: number) {
  const between = (points: readonly Point[]) => points.filter(({ x }) => x >= from && x <= to);
  const [baseline, canary] = [between(heap.baseline), between(heap.canary)];
  if (baseline.length < FEWEST_POINTS || canary.length < FEWEST_POINTS) return undefined;
  const perMinute = (points: readonly Point[]) => ((slopeOf(points) ?? 0) * 60) / MEGABYTE;
  const slopes = { baseline: perMinute(baseline), canary: perMinute(canary) };
  return { ...slopes, more: slopes.canary - slopes.baseline };
}

/** Each request of the canary costs more processor time than the limit allows. */
export function cpuFinding({ cpu }: Resources, { ratio, minRequests }: CpuGate): Finding | undefined {
  const { baseline, canary } = cpu;
  if (Math.min(baseline.requests, canary.requests) < minRequests || baseline.seconds <= 0) return undefined;
  const [normal, costs] = [baseline, canary].map(({ seconds, requests }) => (seconds / requests) * 1_000);
  if (normal === undefined || costs === undefined || costs / normal <= ratio) return undefined;
  const says = `it uses ${costs.toFixed(2)} ms of processor time a request against ${normal.toFixed(2)} ms of the baseline's, over ${canary.requests} and ${baseline.requests} requests; ${ratio} times as much is allowed`;
  return { gate: "cpu", says };
}

/** It was ready later, or answered its first calls more slowly, than the baseline's own start allows. */
export function startFinding({ start }: Resources, gate: StartGate): Finding | undefined {
  const { baseline, canary } = start;
  if (!baseline || !canary) return undefined;
  const isWorse = (mine: number, theirs: number, leastMs: number) =>
    mine > theirs * gate.ratio && mine - theirs > leastMs;
  const isLate = isWorse(canary.readyMs, baseline.readyMs, gate.readyMs);
  if (!isLate && !isWorse(canary.firstCallsMs, baseline.firstCallsMs, gate.callMs)) return undefined;
  const says = isLate
    ? `it was ready after ${Math.round(canary.readyMs)} ms against ${Math.round(baseline.readyMs)} ms of the baseline's own start; ${gate.ratio} times as long is allowed`
    : `its first 100 calls took ${canary.firstCallsMs.toFixed(1)} ms in the median against ${baseline.firstCallsMs.toFixed(1)} ms of the baseline's first 100; ${gate.ratio} times as long is allowed`;
  return { gate: "start", says };
}
