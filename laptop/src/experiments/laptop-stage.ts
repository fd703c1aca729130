/** What a run changes on this machine, through the running shop's mesh. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Observatory } from "@row/mesh/experiments/run/observation.ts";
import type { Standing } from "@row/mesh/experiments/run/run-plan.ts";
import type { Clock, Stage } from "@row/mesh/experiments/run/stage.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Installation } from "../installation.ts";
import { Secrets } from "../secrets.ts";
import { loadJobOf } from "../shop/load-job.ts";
import type { AskMesh } from "../sidecars/requests.ts";
import { askStatus } from "../supervisor/control-client.ts";
import { startOwnLoad } from "./own-load.ts";
import { wayBack } from "./way-back.ts";

/** Requests of an experiment that are under way at once. */
const CONNECTIONS = 64;

export function laptopStage(installation: Installation, ask: AskMesh, observatory: Observatory): Stage {
  return {
    ...wayBack(ask),
    observatory,
    async deploy({ service, version, behaviours, from }) {
      const more = { ...(behaviours.length > 0 && { behaviours }), ...(from !== undefined && { from }) };
      return (await ask("deploy", { service, version, replicas: 1, ...more })).instances;
    },
    async weigh(service, weights) {
      const words = Object.entries(weights).map(([version, weight]) => `${version}=${weight}`);
      await ask("split", { service, weights: words });
    },
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

/** What there is of a service, asked once everything that was begun is done. */
export async function standingOf(ask: AskMesh, service: string): Promise<Standing> {
  const { deployments } = await ask("deployments", { service });
  const { splits, left } = await ask("split", { service, weights: [] });
  const { injected } = await ask("injected", {});
  const own = injected.filter((one) => one.service === service);
  const behaviours = Object.fromEntries(own.map((one) => [one.version, one.behaviours]));
  return { deployments, splits, pinned: left, behaviours };
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
