import type { LoadJob } from "./load/load-job.ts";
import type { LoadGenerator } from "./load-generator.ts";
import type { Watched } from "./measure/process-watch.ts";
import { measureRound, type Round } from "./measure/round.ts";
import type { Plan } from "./plan.ts";
import type { ShopStack } from "./shop-stack.ts";
import type { TutorialStack } from "./tutorial-stack.ts";

/** What the parts of a run share. */
export interface Bench {
  plan: Plan;
  /** Without sidecars, as the tutorial stack has none. */
  shop: ShopStack;
  tutorial: TutorialStack;
  generator: LoadGenerator<LoadJob>;
  spanSink: Watched;
}

export const GENERATOR = "load generator";

/** A load on the tutorial stack: what it does, what the plan says about how long and how much. */
export function onTutorial(bench: Bench, job: Partial<LoadJob> & Pick<LoadJob, "requests">): Promise<Round> {
  const { tutorial, shop } = bench;
  const postgres = shop.processes.filter(({ name }) => name === "postgres");
  return onStack(bench, tutorial.port, [...tutorial.processes, ...postgres], job);
}

/** The same on the shop. */
export function onShop(
  bench: Bench,
  job: Partial<LoadJob> & Pick<LoadJob, "requests">,
  shop = bench.shop,
): Promise<Round> {
  return onStack(bench, shop.port, [...shop.processes, bench.spanSink], job);
}

function onStack(
  { plan, generator }: Bench,
  port: number,
  watched: readonly Watched[],
  job: Partial<LoadJob> & Pick<LoadJob, "requests">,
): Promise<Round> {
  const load = { port, connections: plan.connections, seconds: plan.roundSeconds, ...job };
  return measureRound([...watched, { name: GENERATOR, pid: generator.process.pid }], () => generator.run(load));
}
