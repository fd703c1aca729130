/** What a run changes on this machine, through the running shop's mesh. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Observatory } from "@row/mesh/experiments/run/observation.ts";
import type { Clock, Stage } from "@row/mesh/experiments/run/stage.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Installation } from "../installation.ts";
import { Secrets } from "../secrets.ts";
import { loadJobOf } from "../shop/load-job.ts";
import { movesThrough } from "../sidecars/moves.ts";
import type { AskMesh } from "../sidecars/requests.ts";
import { askStatus } from "../supervisor/control-client.ts";
import { startOwnLoad } from "./own-load.ts";

/** Requests of an experiment that are under way at once. */
const CONNECTIONS = 64;

export function laptopStage(installation: Installation, ask: AskMesh, observatory: Observatory): Stage {
  const moves = movesThrough(ask);
  return {
    ...moves,
    observatory,
    deploy: (version) => moves.deploy({ ...version, replicas: 1 }),
    async startLoad({ mix, rate }, seconds, seed) {
      const { processes } = await askStatus(installation.stateDir);
      const edge = processes.find(({ name }) => name === "edge")?.addresses.http;
      if (!edge) throw new RowError("Cannot load the shop: it runs without an edge");
      const wish = { mix, rate, seconds, seed, spacing: "poisson", connections: CONNECTIONS } as const;
      return startOwnLoad(loadJobOf(wish, edge, new Secrets(installation.stateDir)));
    },
    startClock,
  };
}

function startClock(): Clock {
  const startedAt = performance.now();
  const passed = () => Math.floor((performance.now() - startedAt) / 1_000);
  return {
    async next(signal) {
      const second = passed();
      const left = (second + 1) * 1_000 - (performance.now() - startedAt);
      await sleep(Math.ceil(left), undefined, { signal }).catch(() => {});
      return second;
    },
  };
}
