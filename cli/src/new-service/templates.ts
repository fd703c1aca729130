/** The files of a new service: those below cli/template, with its names where they have {{…}}. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import type { ServiceNames } from "./service-names.ts";

const TEMPLATES = join(import.meta.dirname, "../../template");
/** So that no tool takes them for what they are templates of. */
const SUFFIX = ".template";

/** Path and text of each file, in the order of their paths. Throws RowError when the code uses the resource's name for something else. */
export function renderTemplates(names: ServiceNames, values: Readonly<Record<string, string>>): Map<string, string> {
  const all: Readonly<Record<string, string>> = { ...names, ...values };
  const files = new Map(
    globSync(`**/*${SUFFIX}`, { cwd: TEMPLATES }).map((file) => [
      file.slice(0, -SUFFIX.length),
      readFileSync(join(TEMPLATES, file), "utf8"),
    ]),
  );
  for (const [file, text] of files) if (file.endsWith(".ts")) refuseIfUsed(names, text);
  return new Map([...files].map(([file, text]) => [filled(file, all), filled(text, all)] as const).toSorted(byPath));
}

function byPath([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_, word: string) => {
    const value = values[word];
    if (value === undefined) throw new Error(`Cannot fill {{${word}}}: there is no value for it`);
    return value;
  });
}

/** A type called Date, or a field called name, would hide what the code around it means by that. */
function refuseIfUsed({ file, property, Resource }: ServiceNames, template: string): void {
  const code = template.replaceAll(/\/\*\*[\s\S]*?\*\/|\/\/.*|\{\{\w+\}\}/g, " ");
  const used = code.match(/\b[A-Za-z]\w*\b/g)?.some((word) => word === property || word === Resource);
  if (used) throw new RowError(`Cannot call what it keeps "${file}": the code of a service uses that word already`);
}
