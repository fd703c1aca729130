/** Path templates of google.api.http as OpenAPI's paths: one for each pattern of a resource, each parameter one segment. */
import type { Binding } from "../rest/binding.ts";
import { parsePathTemplate, type Segment } from "../rest/path-template.ts";
import type { BoundVariable } from "../rest/path-values.ts";

export interface PathParameter {
  readonly name: string;
  /** The field that the segment gives its value, or a part of it; undefined for a segment that gives none. */
  readonly variable: BoundVariable | undefined;
  /** Whether it takes the rest of the path: OpenAPI has no parameter for slashes. */
  readonly isRest: boolean;
}

export interface OpenApiPath {
  /** "/v1/shelves/{shelf}" for "/v1/{name=shelves/*}"; a verb stays. */
  readonly path: string;
  readonly parameters: readonly PathParameter[];
}

/** Gives templates that match the same paths the same names: OpenAPI takes "/v1/{a}" and "/v1/{b}" for one path. */
export class OpenApiPaths {
  readonly #names = new Map<string, readonly string[]>();

  of({ path, variables }: Binding): OpenApiPath {
    const { segments, verb } = parsePathTemplate(path);
    const colon = verb === "" ? "" : `:${verb}`;
    const parameters: PathParameter[] = [];
    const parts = segments.map((segment, index) => {
      if (segment.kind === "literal") return segment.text;
      const variable = variables.find(({ variable: { start, end } }) => start <= index && index < end);
      const name = unused(nameOf(segments, index, variable), parameters);
      parameters.push({ name, variable, isRest: segment.kind === "rest" });
      return undefined;
    });
    const pattern = `/${parts.map((part) => part ?? "{}").join("/")}${colon}`;
    const names = this.#names.get(pattern) ?? parameters.map(({ name }) => name);
    this.#names.set(pattern, names);
    let at = 0;
    const text = parts.map((part) => part ?? `{${names[at++]}}`).join("/");
    return {
      path: `/${text}${colon}`,
      parameters: parameters.map((parameter, index) => ({ ...parameter, name: names[index] ?? parameter.name })),
    };
  }
}

/** The field's name; for a part of a field, what the segment before it is a collection of. */
function nameOf(segments: readonly Segment[], index: number, variable: BoundVariable | undefined): string {
  const before = segments[index - 1];
  const isPart = !variable?.variable.isOneSegment;
  if (isPart && before?.kind === "literal") return singular(before.text);
  return variable ? variable.fields.map(({ jsonName }) => jsonName).join(".") : "segment";
}

function singular(collection: string): string {
  return collection
    .replace(/ies$/, "y")
    .replace(/([alr])ves$/, "$1f")
    .replace(/(s|x|z|ch|sh)es$/, "$1")
    .replace(/([^s])s$/, "$1");
}

function unused(name: string, parameters: readonly PathParameter[]): string {
  const isTaken = (candidate: string) => parameters.some((other) => other.name === candidate);
  let candidate = name;
  for (let number = 2; isTaken(candidate); number += 1) candidate = `${name}${number}`;
  return candidate;
}
