/** Measures this code beside that of another commit, in turns on one machine: reading, ordering, and memory at rest. */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkOut } from "@row/laptop/git-checkout.ts";
import { GENERATOR } from "../bench.ts";
import { Cleanup } from "../cleanup.ts";
import { placeOrders, readProducts } from "../job.ts";
import type { LoadJob } from "../load/load-job.ts";
import { LoadGenerator } from "../load-generator.ts";
import { measureRound, type Round } from "../measure/round.ts";
import { takeTurns } from "../parts/take-turns.ts";
import { PORTS } from "../ports.ts";
import { CommandLineShop } from "./command-line-shop.ts";
import { type Interval, ratioInterval } from "./interval.ts";

export interface VersusPlan {
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly roundSeconds: number;
  /** Requests under way at once. */
  readonly connections: number;
  /** How long after the start memory is looked at. */
  readonly settleSeconds: number;
  readonly mesh: boolean;
}

/** One kind of request: rates and CPU time of this code, of the other's. */
export interface Compared {
  readonly perSecond: Interval;
  /** CPU time a request, of all processes but the load generator; of orders until the last one has ended. */
  readonly cpu: Interval;
  readonly errors: Readonly<Record<string, number>>;
}

export interface Versus {
  readonly ref: string;
  readonly commit: string;
  readonly time: string;
  readonly plan: VersusPlan;
  readonly reading: Compared;
  readonly ordering: Compared;
  /** PSS at rest in MB, by process. */
  readonly memory: {
    readonly ours: Readonly<Record<string, number>>;
    readonly theirs: Readonly<Record<string, number>>;
  };
}

const DRAIN_WITHIN_SECONDS = 120;
const root = resolve(import.meta.dirname, "../../..");
const place = join(tmpdir(), `canary-row-versus-${process.getuid?.() ?? 0}`);

/** Leaves nothing running; `interrupted` rejects to end it. */
export async function measureVersus(
  ref: string,
  commit: string,
  plan: VersusPlan,
  say: (text: string) => void,
  interrupted: Promise<never>,
): Promise<Versus> {
  const cleanup = new Cleanup();
  const measuring = measure(ref, commit, plan, say, cleanup);
  measuring.catch(() => {}); // what an interruption leaves behind fails by itself
  try {
    return await Promise.race([measuring, interrupted]);
  } finally {
    await cleanup.run();
  }
}

async function measure(
  ref: string,
  commit: string,
  plan: VersusPlan,
  say: (text: string) => void,
  cleanup: Cleanup,
): Promise<Versus> {
  const logs = join(place, "logs");
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  say(`${ref} is checked out and installed`);
  const theirCheckout = checkOut(commit);
  say("both shops start");
  const { mesh } = plan;
  const start = (checkout: string, name: string, portBase: number) =>
    cleanup.keep(CommandLineShop.start({ checkout, stateDir: join(place, name), portBase, mesh }), (it) => it.stop());
  const ours = await start(root, "ours", PORTS.shop);
  const theirs = await start(theirCheckout, "theirs", PORTS.comparedShop);
  const generator = await cleanup.keep(LoadGenerator.overHttp(logs), ({ process }) => process.stop());
  await sleep(plan.settleSeconds * 1_000);
  const memory = { ours: ours.memory(), theirs: theirs.memory() };

  const load = (shop: CommandLineShop, job: Pick<LoadJob, "requests" | "seconds">, drain = false) =>
    measureRound([...shop.processes, { name: GENERATOR, pid: generator.process.pid }], async () => {
      const result = await generator.run({ port: shop.port, connections: plan.connections, ...job });
      if (drain) await shop.drain(DRAIN_WITHIN_SECONDS);
      return result;
    });
  const read = (shop: CommandLineShop, seconds = plan.roundSeconds) =>
    load(shop, { requests: readProducts(), seconds });
  const order = async (shop: CommandLineShop, seconds = plan.roundSeconds) =>
    load(shop, { requests: placeOrders(await shop.signIn()), seconds }, true);

  say("reading a product");
  for (const shop of [ours, theirs]) await read(shop, plan.warmUpSeconds);
  const reads = await takeTurns(plan.rounds, { ours: () => read(ours), theirs: () => read(theirs) });
  say("placing an order");
  for (const shop of [ours, theirs]) await order(shop, plan.warmUpSeconds);
  const orders = await takeTurns(plan.rounds, { ours: () => order(ours), theirs: () => order(theirs) });
  say("stopping");
  const time = new Date().toISOString();
  return { ref, commit, time, plan, reading: compared(reads), ordering: compared(orders), memory };
}

function compared({ ours, theirs }: Record<"ours" | "theirs", readonly Round[]>): Compared {
  const errors: Record<string, number> = {};
  for (const round of ours) {
    for (const [failure, times] of Object.entries(round.errors)) errors[failure] = (errors[failure] ?? 0) + times;
  }
  const rates = (rounds: readonly Round[]) => rounds.map(({ perSecond }) => perSecond);
  return {
    perSecond: ratioInterval(rates(ours), rates(theirs)),
    cpu: ratioInterval(ours.map(cpuPerRequest), theirs.map(cpuPerRequest)),
    errors,
  };
}

function cpuPerRequest({ processes, requests }: Round): number {
  const seconds = Object.entries(processes).map(([name, usage]) => (name === GENERATOR ? 0 : usage.cpuSeconds));
  return seconds.reduce((sum, one) => sum + one, 0) / requests;
}
