import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "../results.ts";
import { plot } from "./plot.ts";
import { report } from "./report.ts";

const folder = join(import.meta.dirname, "../../results");
const document = join(import.meta.dirname, "../../../docs/performance.md");

/** Keeps a run: as JSON, as a plot, and in the document. */
export function keep(results: Results): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "latest.json"), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(folder, "latest.svg"), plot(results));
  writeFileSync(document, withRun(readFileSync(document, "utf8"), report(results)));
}

const BEGIN = "<!-- A run of `npm run bench`, written by it. -->";
const END = "<!-- End of the run. -->";

/** The document with another run between its marks. */
export function withRun(text: string, run: string): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${document} lacks "${BEGIN}" or "${END}"`);
  return `${before}${BEGIN}\n\n${run}\n${END}${after}`;
}
