/** What changes between two manifests, line by line, as `diff -u` shows it. */
import { diff } from "node:util";
import { bad, good, lesser } from "./colours.ts";

const CONTEXT = 3;
/** What node:util's diff calls a line of the first text alone, and one of the second. */
const GONE = 1;
const NEW = -1;

export function manifestDiff(before: string, after: string): string[] {
  const lines = diff(linesOf(before), linesOf(after));
  const isNear = (index: number) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(([operation]) => operation !== 0);
  return lines.flatMap(([operation, line], index) => {
    if (!isNear(index)) return index > 0 && isNear(index - 1) ? [lesser("  …")] : [];
    if (operation === GONE) return [bad(`- ${line}`)];
    return [operation === NEW ? good(`+ ${line}`) : `  ${line}`];
  });
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.trimEnd().split("\n");
}
