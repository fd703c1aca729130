/** What a simulation of the judge found, as JSON and as the tables of docs/experiments.md. */
import { EQUAL_VERSIONS, GOOD_CANARIES, HARMFUL_CANARIES, percent } from "./scenarios.ts";
import { detected, falseAlarms, promotions } from "./simulate.ts";

export interface Simulation {
  readonly seed: number;
  readonly runs: { readonly equal: number; readonly harmful: number };
  readonly alpha: number;
  readonly equal: readonly { readonly name: string; readonly rolledBack: number }[];
  readonly harmful: readonly {
    readonly name: string;
    readonly stated: number;
    readonly median: number;
    readonly inTime: number;
  }[];
  readonly good: readonly {
    readonly name: string;
    readonly estimate: number;
    readonly within: number;
    readonly within29: number;
  }[];
}

export function simulate(seed: number, runs: Simulation["runs"], say: (line: string) => void): Simulation {
  const equal = EQUAL_VERSIONS.map((scenario, index) => {
    const rolledBack = falseAlarms(scenario, runs.equal, seed + index);
    say(`equal: ${scenario.name}: ${percent(rolledBack)} rolled back`);
    return { name: scenario.name, rolledBack };
  });
  const harmful = HARMFUL_CANARIES.map((canary, index) => {
    const { share, median } = detected(canary, runs.harmful, seed + 100 + index);
    say(`harmful: ${canary.name}: ${percent(share)} rolled back in time`);
    return { name: canary.name, stated: canary.stated, median, inTime: share };
  });
  const good = GOOD_CANARIES.map((canary, index) => {
    const found = promotions(canary, runs.harmful, seed + 200 + index);
    say(`good: ${canary.name}: ${percent(found.within)}, ${percent(found.within29)} promoted`);
    return { name: canary.name, ...found };
  });
  return { seed, runs, alpha: 0.05, equal, harmful, good };
}

/** What is not as promised, in words. */
export function shortcomings({ alpha, equal, harmful, good }: Simulation): string[] {
  return [
    ...equal
      .filter(({ rolledBack }) => rolledBack > 1.2 * alpha)
      .map(({ name, rolledBack }) => `${name}: ${percent(rolledBack)} of equal versions were rolled back`),
    ...harmful
      .filter(({ inTime }) => inTime < 0.8)
      .map(({ name, inTime }) => `${name}: only ${percent(inTime)} were rolled back in time`),
    ...good
      .filter(({ within, within29 }) => within < 0.4 || within29 < 0.9)
      .map(({ name, within, within29 }) => `${name}: only ${percent(within)} and ${percent(within29)} were promoted`),
  ];
}

/** The rows of the tables in docs/experiments.md. */
export function tablesOf({ equal, harmful, good }: Simulation): string[] {
  const number = new Intl.NumberFormat("en");
  return [
    ...equal.map(({ name, rolledBack }) => `| ${name} | ${percent(rolledBack)} |`),
    ...harmful.map(
      ({ name, stated, median, inTime }) =>
        `| ${name} | ${number.format(median)} | ${number.format(stated)} | ${percent(inTime)} |`,
    ),
    ...good.map(
      ({ name, estimate, within, within29 }) =>
        `| ${name} | ${number.format(estimate)} | ${percent(within)} | ${percent(within29)} |`,
    ),
  ];
}
