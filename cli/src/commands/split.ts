import type { Installation } from "@row/laptop/installation.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import { table } from "./status.ts";

/** Shares the calls to a service among its versions, or shows how they are shared. */
export async function split({ stateDir }: Installation, service: string, weights: string[]): Promise<void> {
  const { splits, left } = await askMesh(stateDir, "split", { service, weights });
  showSplit(service, splits, left);
}

/** Prints how calls are shared, and the rules that share none: those for marked calls. */
export function showSplit(service: string, splits: RuleSplit[], left: RuleSplit[]): void {
  if (splits.length === 0) console.log(`No route sends calls to a version of ${service}.`);
  const rows = inOneLine(splits) ?? splits;
  const lines = rows.map(({ route, rule, weights }) => [
    `${route}${rule < 0 ? "" : `, rule ${rule + 1}`}`,
    ...shares(weights),
  ]);
  if (lines.length > 0) console.log(table(sameLength(lines)).join("\n"));
  for (const { route, rule, weights } of left) {
    console.log(`${route}, rule ${rule + 1}, sends marked calls to ${weights[0]?.version}, whatever the split`);
  }
}

/** One line for all rules when they agree, which is what a split is for. */
function inOneLine(splits: RuleSplit[]): Pick<RuleSplit, "route" | "rule" | "weights">[] | undefined {
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
    return `${version}=${weight} (${Number(percent.toFixed(2))} %)`;
  });
}

function sameLength(rows: string[][]): string[][] {
  const longest = Math.max(...rows.map((row) => row.length));
  return rows.map((row) => [...row, ...Array<string>(longest - row.length).fill("")]);
}
