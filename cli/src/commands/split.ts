/** `row split`: how the calls to a service are shared among its versions. */
import { readFileSync } from "node:fs";
import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { versioned } from "../colours.ts";
import { table } from "../table.ts";
import type { Split, Target } from "../target.ts";

interface SplitFlags {
  json?: boolean;
  dryRun?: boolean;
  restore?: string;
}

export function splitCommand(target: () => Target): Command {
  return new Command("split")
    .description("share the calls to a service among its versions, or show how they are shared")
    .argument("<service>", "such as catalog")
    .argument("[weights...]", "such as v1=90 v2=10; none shows the split of now")
    .option("--json", "print JSON: the share of each version in each rule")
    .option("--restore <file>", "give each rule the share that --json printed earlier; - reads standard input")
    .option("--dry-run", "show how calls would be shared, or why that is refused, and change nothing")
    .action(async (service: string, weights: string[], { json, restore, dryRun = false }: SplitFlags) => {
      if (dryRun && weights.length === 0 && restore === undefined)
        throw new RowError("Cannot try a split: give weights, such as v1=90 v2=10");
      const split = await (restore === undefined
        ? target().split(service, weights, dryRun)
        : target().restoreSplits(service, readSplits(restore, service, weights), dryRun));
      if (json) return console.log(JSON.stringify({ service, ...(dryRun && { dryRun }), ...split }, null, 2));
      console.log(render(service, split));
      if (dryRun) console.log("Nothing is changed: so it would be without --dry-run");
    });
}

/** What `row split --json` printed. */
function readSplits(file: string, service: string, weights: readonly string[]): RuleSplit[] {
  if (weights.length > 0)
    throw new RowError("Cannot restore a split and make another: leave the weights or --restore out");
  let printed: Partial<Split> & { service?: string };
  try {
    printed = Object(JSON.parse(readFileSync(file === "-" ? 0 : file, "utf8")));
  } catch (error) {
    throw new RowError(`Cannot read ${file}: ${messageOf(error)}`);
  }
  const isSplit = ({ route, rule, weights }: Partial<RuleSplit>) =>
    typeof route === "string" && Number.isInteger(rule) && Array.isArray(weights);
  if (printed.service !== service || !printed.splits?.every(isSplit)) {
    throw new RowError(`Cannot restore from ${file}: it is not what \`npx row split ${service} --json\` prints`);
  }
  return [...printed.splits];
}

/** Prints how calls are shared, and the rules that share none: those for marked calls. */
export function render(service: string, { splits, left }: Split): string {
  const rows = inOneLine(splits) ?? splits;
  const lines = rows.map(({ route, rule, weights }) => [
    `${route}${rule < 0 ? "" : `, rule ${rule + 1}`}`,
    ...shares(weights),
  ]);
  return [
    ...(lines.length > 0 ? table(sameLength(lines)) : [`No route sends calls to a version of ${service}.`]),
    ...left.map(
      ({ route, rule, weights }) =>
        `${route}, rule ${rule + 1}, sends marked calls to ${weights[0]?.version}, whatever the split`,
    ),
  ].join("\n");
}

/** One line for all rules when they agree, which is what a split is for. */
function inOneLine(splits: readonly RuleSplit[]): Pick<RuleSplit, "route" | "rule" | "weights">[] | undefined {
  const [first] = splits;
  const key = ({ weights }: RuleSplit) => shares(weights).join();
  if (!first || splits.some((other) => key(other) !== key(first))) return undefined;
  const routes = new Set(splits.map(({ route }) => route)).size;
  return [{ route: `${routes} ${routes === 1 ? "route" : "routes"}`, rule: -1, weights: first.weights }];
}

function shares(weights: RuleSplit["weights"]): string[] {
  const isOnly = weights.length === 1;
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return weights.map(({ version, weight }) => {
    const percent = isOnly ? 100 : (100 * weight) / total;
    return `${versioned(version)}=${weight} (${Number(percent.toFixed(2))} %)`;
  });
}

function sameLength(rows: string[][]): string[][] {
  const longest = Math.max(...rows.map((row) => row.length));
  return rows.map((row) => [...row, ...Array<string>(longest - row.length).fill("")]);
}
