import type { Summary } from "./measure/round.ts";
import type { EventDelays } from "./parts/events.ts";
import type { Extra } from "./parts/extras.ts";
import type { MeshHop } from "./parts/mesh-hop.ts";
import type { Ordering } from "./parts/ordering.ts";
import type { Reading } from "./parts/reading.ts";
import type { StartTimes } from "./parts/start-time.ts";
import type { Machine } from "./report/machine.ts";

/** Everything that one run found out; bench/results/latest.json. */
export interface Results {
  time: string;
  machine: Machine;
  /** Whether it measured long enough for its figures to mean something. */
  isFull: boolean;
  rounds: number;
  roundSeconds: number;
  connections: number;
  ordersUnderWay: number;
  settleSeconds: number;
  start: StartTimes;
  echo: Summary;
  meshHop: MeshHop;
  reading: Reading;
  ordering: Ordering;
  events: EventDelays;
  extras: Extra[];
  /** PSS in MB by process: settleSeconds after the start, and after all loads. */
  memory: { afterStart: Record<string, number>; afterLoad: Record<string, number> };
}

/** What failed, over all loads: "orders accepted: HTTP 503 … (12 times)". */
export function failuresIn({ echo, meshHop, reading, ordering, events }: Results): string[] {
  const parts = {
    echo,
    "a hop, direct": meshHop.direct,
    "a hop through sidecars": meshHop.meshed,
    "reading, tutorial": reading.tutorial,
    "reading, shop": reading.shop,
    "reading, behind sidecars": reading.meshed,
    "ordering, tutorial": ordering.tutorial,
    "orders accepted": ordering.accepted,
    "orders confirmed": ordering.confirmed,
    events,
  };
  return Object.entries(parts).flatMap(([part, { errors }]) =>
    Object.entries(errors).map(([failure, times]) => `${part}: ${failure} (${times} times)`),
  );
}
