/** What the judge is simulated with: equal versions under disturbed traffic, harmful ones, and good ones that wait for promotion. */
import type { SeededRandom } from "@row/load/seeded-random.ts";

/** The traffic of one second: requests of both versions that are compared, the canary's share of them, and the rate of failures. */
export interface Traffic {
  readonly requests: number;
  readonly share: number;
  readonly rate: number;
}

/** Two equal versions. `traffic` is told the second, from 0, of so many. */
export interface EqualVersions {
  readonly name: string;
  traffic(second: number, of: number, state: { burstUntil: number }, random: SeededRandom): Traffic;
}

const STEADY = { requests: 200, share: 0.5, rate: 0.01 };

export const EQUAL_VERSIONS: readonly EqualVersions[] = [
  { name: "1 % fail, share 10 %", traffic: () => ({ ...STEADY, share: 0.1 }) },
  { name: "1 % fail, share 50 %", traffic: () => STEADY },
  { name: "5 % fail, share 50 %", traffic: () => ({ ...STEADY, rate: 0.05 }) },
  {
    name: "bursts of 1 to 5 s in which 30 % fail, share 10 %",
    traffic: (second, _, state, random) => {
      if (second >= state.burstUntil && random.chance(0.05)) state.burstUntil = second + random.between(1, 5);
      return { ...STEADY, share: 0.1, rate: second < state.burstUntil ? 0.3 : 0.01 };
    },
  },
  {
    name: "bursts as above, share 50 %",
    traffic: (second, _, state, random) => {
      if (second >= state.burstUntil && random.chance(0.05)) state.burstUntil = second + random.between(1, 5);
      return { ...STEADY, rate: second < state.burstUntil ? 0.3 : 0.01 };
    },
  },
  {
    name: "load falls from 400/s to 20/s while failures rise to 10 %",
    traffic: (second, of) => {
      const part = Math.floor((10 * second) / of) / 10;
      return { requests: 400 - Math.round(380 * part), share: 0.2, rate: 0.01 + 0.09 * part };
    },
  },
  {
    name: "load rises from 20/s to 400/s",
    traffic: (second, of) => {
      const part = Math.floor((10 * second) / of) / 10;
      return { requests: 20 + Math.round(380 * part), share: 0.2, rate: 0.01 };
    },
  },
  {
    name: "weights move from 1 % to 50 % and back",
    traffic: (second, of) => {
      const part = 1 - Math.abs((2 * second) / of - 1);
      return { ...STEADY, share: [0.01, 0.05, 0.1, 0.25, 0.5][Math.floor(part * 4.99)] ?? 0.5 };
    },
  },
];

/** A canary that fails more, and the requests of both versions by which four in five runs are to be rolled back. */
export interface HarmfulCanary {
  readonly name: string;
  readonly requestsAWindow: number;
  readonly share: number;
  readonly baseline: number;
  readonly canary: number;
  /** Of the false alarms that α allows: one gate has 1, each of five 0.2. */
  readonly gateShare: number;
  readonly stated: number;
}

const against = (rows: readonly (readonly [from: number, to: number, share: number, stated: number])[]) =>
  rows.map(([from, to, share, stated]): HarmfulCanary => {
    const name = `${percent(from)} → ${percent(to)}, share ${percent(share)}`;
    return { name, requestsAWindow: 100, share, baseline: from, canary: to, gateShare: 1, stated };
  });

/** At 200 requests a second in all: weights, seconds with one gate and with five. */
const atWeights = (
  rows: readonly (readonly [from: number, to: number, weights: string, arms: number, one: number, five: number])[],
) =>
  rows.flatMap(([from, to, weights, arms, one, five]) =>
    [
      { gates: "one gate", gateShare: 1, seconds: one },
      { gates: "five gates", gateShare: 0.2, seconds: five },
    ].map(
      ({ gates, gateShare, seconds }): HarmfulCanary => ({
        name: `${percent(from)} → ${percent(to)} at ${weights}, 200/s, ${gates}`,
        requestsAWindow: arms,
        share: 0.5,
        baseline: from,
        canary: to,
        gateShare,
        stated: seconds * arms,
      }),
    ),
  );

export const HARMFUL_CANARIES: readonly HarmfulCanary[] = [
  ...against([
    [0.001, 0.01, 0.1, 6_300],
    [0.001, 0.01, 0.5, 2_700],
    [0.001, 0.05, 0.1, 1_000],
    [0.01, 0.05, 0.1, 2_000],
    [0.01, 0.05, 0.5, 800],
    [0.01, 0.02, 0.1, 22_100],
    [0.01, 0.02, 0.5, 6_900],
    [0.05, 0.1, 0.1, 3_700],
    [0.05, 0.1, 0.5, 1_400],
    [0.05, 0.075, 0.5, 5_400],
  ]),
  ...atWeights([
    [0.01, 0.05, "80/10/10", 40, 19, 29],
    [0.01, 0.02, "0/50/50", 200, 36, 53],
    [0.01, 0.02, "50/25/25", 100, 79, 98],
    [0.001, 0.01, "80/10/10", 40, 64, 86],
  ]),
];

/** Equal versions that wait for promotion: by A alone against "twice as bad", or by (A + B)/2 with a ceiling. */
export interface GoodCanary {
  readonly name: string;
  readonly share: number;
  readonly rate: number;
  readonly ceiling?: number;
}

const GOOD = { rate: 0.01 };

export const GOOD_CANARIES: readonly GoodCanary[] = [
  { ...GOOD, name: "1 % fail, share 10 %, no ceiling", share: 0.1 },
  { ...GOOD, name: "1 % fail, share 10 %, ceiling 2 %", share: 0.1, ceiling: 0.02 },
  { ...GOOD, name: "1 % fail, share 50 %, no ceiling", share: 0.5 },
  { ...GOOD, name: "1 % fail, share 50 %, ceiling 2 %", share: 0.5, ceiling: 0.02 },
];

export function percent(share: number): string {
  return `${Number((share * 100).toFixed(3))} %`;
}
