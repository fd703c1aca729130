import { type Bench, GENERATOR, onShop, onTutorial } from "../bench.ts";
import { readProducts } from "../job.ts";
import { type Ratio, ratioOf } from "../measure/ratio.ts";
import { type Summary, summarise } from "../measure/round.ts";
import type { ShopStack } from "../shop-stack.ts";
import { allSpansArrived, spansArrived } from "./spans.ts";
import { takeTurns } from "./take-turns.ts";

export interface Reading {
  tutorial: Summary;
  shop: Summary;
  ratio: Ratio;
  /** The shop behind its sidecars, as `npm start` runs it. */
  meshed: Summary;
  meshedRatio: Ratio;
  /** Spans that arrived over OTLP for each request to either shop: of ten traces a second, and of what failed or took long. */
  spansPerRequest: number;
}

/** Reading a product, uncached, through each stack. */
export async function measureReading(bench: Bench, meshed: ShopStack): Promise<Reading> {
  const { plan } = bench;
  const requests = readProducts();
  const seconds = plan.warmUpSeconds;
  await onTutorial(bench, { requests, seconds });
  const spansBefore = await spansArrived();
  const warmUps = [await onShop(bench, { requests, seconds }), await onShop(bench, { requests, seconds }, meshed)];
  const rounds = await takeTurns(plan.rounds, {
    tutorial: () => onTutorial(bench, { requests }),
    shop: () => onShop(bench, { requests }),
    meshed: () => onShop(bench, { requests }, meshed),
  });
  const [tutorial, shop, behindSidecars] = [rounds.tutorial, rounds.shop, rounds.meshed].map((stack) =>
    summarise(stack, GENERATOR),
  ) as [Summary, Summary, Summary]; // as many as went in
  const spans = (await allSpansArrived()) - spansBefore;
  // Telemetry that goes nowhere would cost less than what is claimed to be measured.
  if (spans === 0) throw new Error("No spans arrived: the shop was measured without its telemetry");
  const requestsMade = [...warmUps, shop, behindSidecars].reduce((sum, { requests }) => sum + requests, 0);
  return {
    tutorial,
    shop,
    ratio: ratioOf(shop.rounds, tutorial.rounds),
    meshed: behindSidecars,
    meshedRatio: ratioOf(behindSidecars.rounds, tutorial.rounds),
    spansPerRequest: spans / requestsMade,
  };
}
