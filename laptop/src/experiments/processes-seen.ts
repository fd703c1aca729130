/** Heap and processor time of the two versions that are compared, from their instances' own metrics. */
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import type { Pair } from "@row/mesh/judge/second-counts.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { ProcessStatus } from "../shop/shop-status.ts";
import { cpuSeconds, heapBytes, type ProcessFigures, processFigures, type Reading } from "./process-figures.ts";
import type { Source } from "./source.ts";

/** One that takes longer is a gap: late figures would be taken for those of another second. */
const SCRAPE_MS = 500;

export function processesSeen({ service, baseline, canary }: Arms, processes: readonly ProcessStatus[]): Source {
  const versions = { baseline: instancesOf(baseline), canary: instancesOf(canary) };
  const before: { baseline: Reading; canary: Reading } = { baseline: new Map(), canary: new Map() };
  const read = async (version: keyof typeof versions) => {
    const now = await readAll(versions[version]);
    const figures = { heap: heapBytes(now), cpu: cpuSeconds(before[version], now) };
    before[version] = now;
    return figures;
  };
  return {
    name: "processes",
    async read() {
      const [one, other] = await Promise.all([read("baseline"), read("canary")]);
      return { heapBytes: pairOf(one.heap, other.heap), cpuSeconds: pairOf(one.cpu, other.cpu) };
    },
    close: async () => {},
  };

  function instancesOf(version: string): readonly ProcessStatus[] {
    const found = processes.filter((process) => process.name === service && process.version === version);
    if (found.length > 0) return found;
    throw new RowError(`Cannot observe ${service} ${version}: no instance of it runs`);
  }
}

async function readAll(instances: readonly ProcessStatus[]): Promise<Reading> {
  const figures = await Promise.all(instances.map(({ addresses }) => scrape(addresses.admin)));
  return new Map(instances.map(({ instance }, index) => [instance, figures[index]]));
}

async function scrape(admin: string | undefined): Promise<ProcessFigures | undefined> {
  try {
    const response = await fetch(`http://${admin}/metrics`, { signal: AbortSignal.timeout(SCRAPE_MS) });
    return response.ok ? processFigures(await response.text()) : undefined;
  } catch {
    // It may be busy, or be starting anew: the judge is told nothing for this second.
    return undefined;
  }
}

function pairOf(baseline: number | undefined, canary: number | undefined): Pair {
  return { ...(baseline !== undefined && { baseline }), ...(canary !== undefined && { canary }) };
}
