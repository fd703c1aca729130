import type { Results } from "../results.ts";

/** Something that the shop should reach. */
export interface Bar {
  name: string;
  wanted: string;
  found: string;
  isMet: boolean;
}

export function barsOf({ meshHop, reading, ordering, events, memory, start }: Results): Bar[] {
  const atLeast = (name: string, found: number, wanted: number): Bar => {
    return { name, wanted: `≥ ${wanted}×`, found: `${found.toFixed(2)}×`, isMet: found >= wanted };
  };
  const atMost = (name: string, found: number, wanted: number, unit: string): Bar => {
    return {
      name,
      wanted: `≤ ${wanted} ${unit}`,
      found: `${found.toFixed(wanted < 1 ? 2 : 1)} ${unit}`,
      isMet: found <= wanted,
    };
  };
  return [
    atLeast("Reading a product, of the tutorial stack", reading.ratio.median, 1.3),
    atLeast("The same through edge and mesh, of the tutorial stack, which has none", reading.meshedRatio.median, 0.9),
    atLeast("Orders accepted, of the tutorial stack", ordering.acceptedRatio.median, 0.8),
    atLeast("Orders confirmed, of the tutorial stack", ordering.confirmedRatio.median, 0.3),
    atMost("Backlog drained after the load, longest", Math.max(...ordering.drainSeconds), 5, "s"),
    atMost("Event from commit to handler, p99 at half load", events.p99, 50, "ms"),
    atMost("Largest service after the start, PSS", Math.max(...Object.values(memory.afterStart)), 120, "MB"),
    atMost("Largest service after the load, PSS", Math.max(...Object.values(memory.afterLoad)), 300, "MB"),
    atLeast("A bare call through two sidecars, of the direct rate", meshHop.ratio.median, 0.6),
    atMost("What two sidecars add to a call alone, p50", meshHop.meshedAlone.p50 - meshHop.directAlone.p50, 0.4, "ms"),
    atMost("Larger of the two sidecars, PSS", meshHop.sidecarMegabytes, 25, "MB"),
    atMost("First npm start until ready", start.first, 20, "s"),
  ];
}
