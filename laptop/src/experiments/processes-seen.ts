/** Heap and processor time of the two versions that are compared, from their instances' own metrics. */
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import type { Pair } from "@row/mesh/judge/second-counts.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { ProcessStatus } from "../shop/shop-status.ts";
import { cpuSeconds, heapBytes, type ProcessFigures, processFigures, type Reading } from "./process-figures.ts";
import type { Source } from "./source.ts";

/** One that takes longer is a gap: late figures would be taken for those of another second. */
const SCRAPE_MS = 500;

/** Left to itself, a heap that is not short of memory is collected too rarely to tell how it grows. */
const COLLECT_EVERY_LOOKS = 5;

export function processesSeen(
  { service, baseline, canary }: Arms,
  { memory }: Pick<JudgeRule, "memory">,
  processes: readonly ProcessStatus[],
): Source {
  const versions = { baseline: instancesOf(baseline), canary: instancesOf(canary) };
  const before: { baseline: Reading; canary: Reading } = { baseline: new Map(), canary: new Map() };
  const read = async (version: keyof typeof versions) => {
    const now = await readAll(versions[version]);
    const figures = { heap: heapBytes(now), cpu: cpuSeconds(before[version], now) };
    before[version] = now;
    return figures;
  };
  let looks = 0;
  return {
    name: "processes",
    async read() {
      const isDue = memory !== undefined && looks % COLLECT_EVERY_LOOKS === 0;
      looks += 1;
      if (isDue) await Promise.all([...versions.baseline, ...versions.canary].map(collectGarbage));
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

/** Both versions alike. A version whose code is older does not know how: its heap is told whenever it is collected anyway. */
async function collectGarbage({ addresses }: ProcessStatus): Promise<void> {
  const asking = { method: "POST", signal: AbortSignal.timeout(SCRAPE_MS) };
  await fetch(`http://${addresses.admin}/collect-garbage`, asking)
    .then((response) => response.text())
    .catch(() => "");
}

function pairOf(baseline: number | undefined, canary: number | undefined): Pair {
  return { ...(baseline !== undefined && { baseline }), ...(canary !== undefined && { canary }) };
}
