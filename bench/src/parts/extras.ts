import { type Bench, GENERATOR, onShop } from "../bench.ts";
import type { Cleanup } from "../cleanup.ts";
import { injectionMicroseconds } from "../extras/injection.ts";
import { validationMicroseconds } from "../extras/validation.ts";
import { readProducts } from "../job.ts";
import { type Ratio, ratioOf } from "../measure/ratio.ts";
import { type Summary, summarise } from "../measure/round.ts";
import { PORTS } from "../ports.ts";
import { ShopStack } from "../shop-stack.ts";
import { takeTurns } from "./take-turns.ts";

/** What one thing that the shop does for every request costs when reading a product. */
export interface Extra {
  name: string;
  /** How it was found out. */
  how: string;
  /** Requests a second with it, as a share of those without it. */
  rate?: Ratio;
  /** CPU time for one request, all processes together. */
  cpuMicroseconds: number;
}

/** Switches off one extra after the other. `env` is what the shop that is measured runs with. */
export async function measureExtras(
  bench: Bench,
  cleanup: Cleanup,
  stateDir: string,
  env: Record<string, string>,
): Promise<Extra[]> {
  const withoutSpans = { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: "" };
  const withoutLogs = { ...env, LOG_LEVEL: "silent" };
  const neither = { ...withoutSpans, LOG_LEVEL: "silent" };
  const against = (name: string, settings: Record<string, string>) =>
    againstOther(bench, cleanup, name, () => ShopStack.start(stateDir, PORTS.comparedShop, settings));
  return [
    validation(),
    behaviours(),
    await tokenCheck(bench),
    ...(bench.plan.isFull ? [await against("spans", withoutSpans), await against("logs", withoutLogs)] : []),
    await against("spans and logs", neither),
  ];
}

function validation(): Extra {
  const how = "the same code on its own, twice: at the edge and in the service";
  return { name: "validation", how, cpuMicroseconds: 2 * validationMicroseconds() };
}

function behaviours(): Extra {
  const how = "the looks whether something is injected, on their own, in the service";
  return { name: "behaviours, off", how, cpuMicroseconds: injectionMicroseconds() };
}

async function tokenCheck(bench: Bench): Promise<Extra> {
  const [withToken, without] = [readProducts(await bench.shop.signIn()), readProducts()];
  const rounds = await takeTurns(bench.plan.rounds, {
    with: () => onShop(bench, { requests: withToken }),
    without: () => onShop(bench, { requests: without }),
  });
  const how = "requests with an access token and without, at the edge and in the service";
  return extra("token check", how, summarise(rounds.with, GENERATOR), summarise(rounds.without, GENERATOR));
}

async function againstOther(
  bench: Bench,
  cleanup: Cleanup,
  name: string,
  start: () => Promise<ShopStack>,
): Promise<Extra> {
  const other = await cleanup.keep(start(), (it) => it.stop());
  try {
    const requests = readProducts();
    await onShop(bench, { requests, seconds: bench.plan.warmUpSeconds }, other);
    const rounds = await takeTurns(bench.plan.rounds, {
      with: () => onShop(bench, { requests }),
      without: () => onShop(bench, { requests }, other),
    });
    const how = "against a second shop without them";
    return extra(name, how, summarise(rounds.with, GENERATOR), summarise(rounds.without, GENERATOR));
  } finally {
    await other.stop();
  }
}

function extra(name: string, how: string, on: Summary, off: Summary): Extra {
  const cpuMicroseconds = (on.cpuPerThousand - off.cpuPerThousand) * 1_000;
  return { name, how, rate: ratioOf(on.rounds, off.rounds), cpuMicroseconds };
}
