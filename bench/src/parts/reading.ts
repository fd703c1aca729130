import { type Bench, GENERATOR, onShop, onTutorial } from "../bench.ts";
import { readProducts } from "../job.ts";
import { type Ratio, ratioOf } from "../measure/ratio.ts";
import { type Summary, summarise } from "../measure/round.ts";
import { takeTurns } from "./take-turns.ts";

export interface Reading {
  tutorial: Summary;
  shop: Summary;
  ratio: Ratio;
}

/** Reading a product, uncached, through each stack. */
export async function measureReading(bench: Bench): Promise<Reading> {
  const { plan } = bench;
  const requests = readProducts();
  const seconds = plan.warmUpSeconds;
  await onTutorial(bench, { requests, seconds });
  await onShop(bench, { requests, seconds });
  const { tutorial, shop } = await takeTurns(plan.rounds, {
    tutorial: () => onTutorial(bench, { requests }),
    shop: () => onShop(bench, { requests }),
  });
  const reading = { tutorial: summarise(tutorial, GENERATOR), shop: summarise(shop, GENERATOR) };
  return { ...reading, ratio: ratioOf(reading.shop.rounds, reading.tutorial.rounds) };
}
