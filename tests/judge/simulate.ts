/** Runs the judge's evidence on made-up traffic, many times: how often it alarms falsely, detects a harm, and promotes. */

import { SeededRandom } from "@row/load/seeded-random.ts";
import { deltasOf, type Evidence, logE, logPromotion, noEvidence, withWindows } from "@row/mesh/judge/evidence.ts";
import { requestsToPromote } from "@row/mesh/judge/power.ts";
import { Binomials } from "./binomial.ts";
import type { EqualVersions, GoodCanary, HarmfulCanary } from "./scenarios.ts";

const ALPHA = 0.05;
const BETA = 0.05;
const MEASURE = { kind: "proportion", riskRatio: 2 } as const;
/** Those of an interval are left out: nothing here asks for one. */
const DELTAS = deltasOf(MEASURE).slice(0, 8);
/** Both versions share each second's requests. */
const SECONDS = 300;

/** The share of runs with two equal versions that were rolled back. */
export function falseAlarms(scenario: EqualVersions, runs: number, seed: number): number {
  const random = new SeededRandom(seed);
  const binomials = new Binomials(random);
  let alarms = 0;
  for (let run = 0; run < runs; run += 1) {
    let evidence = noEvidence(DELTAS);
    const state = { burstUntil: 0 };
    for (let second = 0; second < SECONDS && !isAlarm(evidence, 1); second += 1) {
      const { requests, share, rate } = scenario.traffic(second, SECONDS, state, random);
      const canary = binomials.draw(requests, share);
      evidence = withSecond(
        evidence,
        binomials,
        { baseline: requests - canary, canary },
        { baseline: rate, canary: rate },
      );
    }
    alarms += isAlarm(evidence, 1) ? 1 : 0;
  }
  return alarms / runs;
}

/** The share of runs that were rolled back by 1.15 times the stated requests, and the median of the requests it took. */
export function detected(canary: HarmfulCanary, runs: number, seed: number): { share: number; median: number } {
  const binomials = new Binomials(new SeededRandom(seed));
  const ofCanary = Math.round(canary.requestsAWindow * canary.share);
  const totals = { baseline: canary.requestsAWindow - ofCanary, canary: ofCanary };
  const took = Array.from({ length: runs }, () => {
    let evidence = noEvidence(DELTAS);
    let requests = 0;
    while (!isAlarm(evidence, canary.gateShare) && requests < 20 * canary.stated) {
      evidence = withSecond(evidence, binomials, totals, canary);
      requests += canary.requestsAWindow;
    }
    return requests;
  }).sort((a, b) => a - b);
  const inTime = took.filter((requests) => requests <= 1.15 * canary.stated).length;
  return { share: inTime / runs, median: took[runs >> 1] ?? 0 };
}

/** The shares of runs with a good canary that were promoted within the drift estimate, and within 2.9 times as much. */
export function promotions({ share, rate, ceiling }: GoodCanary, runs: number, seed: number) {
  const binomials = new Binomials(new SeededRandom(seed));
  const estimate = requestsToPromote({ share, rate, riskRatio: MEASURE.riskRatio }, BETA);
  const totals = { baseline: 100 - 100 * share, canary: 100 * share };
  const measure = { ...MEASURE, ...(ceiling !== undefined && { ceiling }) };
  const isSure = (evidence: Evidence) => logPromotion(evidence, measure) >= -Math.log(BETA);
  let [within, within29] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    let evidence = noEvidence(DELTAS);
    let requests = 0;
    while (!isSure(evidence) && requests + 100 <= 2.9 * estimate) {
      evidence = withSecond(evidence, binomials, totals, { baseline: rate, canary: rate });
      requests += 100;
    }
    if (!isSure(evidence)) continue;
    within29 += 1;
    within += requests <= estimate ? 1 : 0;
  }
  return { estimate, within: within / runs, within29: within29 / runs };
}

interface OfBoth {
  readonly baseline: number;
  readonly canary: number;
}

function withSecond(evidence: Evidence, binomials: Binomials, totals: OfBoth, rates: OfBoth): Evidence {
  const baseline = { total: totals.baseline, failed: binomials.draw(totals.baseline, rates.baseline) };
  const canary = { total: totals.canary, failed: binomials.draw(totals.canary, rates.canary) };
  return withWindows(evidence, [{ baseline, canary }], MEASURE, DELTAS);
}

/** Whether Ē reaches 1/α; the other gates have seen nothing. */
function isAlarm(evidence: Evidence, gateShare: number): boolean {
  return gateShare * Math.exp(logE(evidence)) + (1 - gateShare) >= 1 / ALPHA;
}
