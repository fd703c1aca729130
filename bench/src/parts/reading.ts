import { type Bench, GENERATOR, onShop, onTutorial } from "../bench.ts";
import { readProducts } from "../job.ts";
import { type Ratio, ratioOf } from "../measure/ratio.ts";
import { type Summary, summarise } from "../measure/round.ts";
import { allSpansArrived, spansArrived } from "./spans.ts";
import { takeTurns } from "./take-turns.ts";

export interface Reading {
  tutorial: Summary;
  shop: Summary;
  ratio: Ratio;
  /** Spans that arrived over OTLP for each request to the shop. */
  spansPerRequest: number;
}

/** Reading a product, uncached, through each stack. */
export async function measureReading(bench: Bench): Promise<Reading> {
  const { plan } = bench;
  const requests = readProducts();
  const seconds = plan.warmUpSeconds;
  await onTutorial(bench, { requests, seconds });
  const spansBefore = await spansArrived();
  const warmUp = await onShop(bench, { requests, seconds });
  const { tutorial, shop } = await takeTurns(plan.rounds, {
    tutorial: () => onTutorial(bench, { requests }),
    shop: () => onShop(bench, { requests }),
  });
  const reading = { tutorial: summarise(tutorial, GENERATOR), shop: summarise(shop, GENERATOR) };
  const spans = (await allSpansArrived()) - spansBefore;
  // Telemetry that goes nowhere would cost less than what is claimed to be measured.
  if (spans === 0) throw new Error("No spans arrived: the shop was measured without its telemetry");
  const spansPerRequest = spans / (warmUp.requests + reading.shop.requests);
  return { ...reading, ratio: ratioOf(reading.shop.rounds, reading.tutorial.rounds), spansPerRequest };
}
