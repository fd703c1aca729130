/** Path templates of google.api.http, such as "/v1/{name=shelves/*}/books/{id}:borrow". */

/** A segment of a template: what it asks of the segment of a path that stands in its place. */
export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  /** `*`: any one segment that is not empty. */
  | { readonly kind: "one" }
  /** `**`: the rest of the path, nothing included; only at the end. */
  | { readonly kind: "rest" };

/** A request field that takes the text of the segments from `start` up to `end`. */
export interface PathVariable {
  /** Proto field names from the request message inwards. */
  readonly fieldPath: readonly string[];
  readonly start: number;
  /** Infinity when the variable takes the rest of the path. */
  readonly end: number;
  /** Whether the variable is one `*`; only then is an encoded slash in it a slash. */
  readonly isOneSegment: boolean;
}

export interface PathTemplate {
  readonly segments: readonly Segment[];
  readonly variables: readonly PathVariable[];
  /** What follows the last colon; empty when there is none. */
  readonly verb: string;
}

const LITERAL = /^[A-Za-z0-9\-._~!$&'()+,;=@%]+$/;
const FIELD = /^[a-z][a-z0-9_]*$/;

/** Parses a template; throws an Error that says where it is wrong. */
export function parsePathTemplate(source: string): PathTemplate {
  const wrong = (why: string): Error => new Error(`Cannot use the path template "${source}": ${why}`);
  if (!source.startsWith("/")) throw wrong("it does not start with a slash");

  const segments: Segment[] = [];
  const variables: PathVariable[] = [];

  const addSegment = (text: string): void => {
    if (segments.at(-1)?.kind === "rest") throw wrong("something follows **");
    if (text === "*") segments.push({ kind: "one" });
    else if (text === "**") segments.push({ kind: "rest" });
    else if (LITERAL.test(text)) segments.push({ kind: "literal", text });
    else throw wrong(`"${text}" is no segment`);
  };
  const addVariable = (inner: string): void => {
    const equals = inner.indexOf("=");
    const fieldPath = (equals < 0 ? inner : inner.slice(0, equals)).split(".");
    if (!fieldPath.every((name) => FIELD.test(name))) throw wrong(`"{${inner}}" names no field`);
    const pattern = equals < 0 ? "*" : inner.slice(equals + 1);
    const start = segments.length;
    for (const text of pattern.split("/")) addSegment(text);
    const end = segments.at(-1)?.kind === "rest" ? Number.POSITIVE_INFINITY : segments.length;
    if (variables.some((other) => other.fieldPath.join(".") === fieldPath.join("."))) {
      throw wrong(`"${fieldPath.join(".")}" stands twice`);
    }
    variables.push({ fieldPath, start, end, isOneSegment: pattern === "*" });
  };

  const { path, verb } = splitVerb(source);
  if (verb !== "" && !LITERAL.test(verb)) throw wrong(`":${verb}" is no verb`);
  for (const part of path.slice(1).split(/\/(?![^{]*\})/)) {
    if (part.startsWith("{") && part.endsWith("}")) addVariable(part.slice(1, -1));
    else addSegment(part);
  }
  return { segments, variables, verb };
}

function splitVerb(source: string): { path: string; verb: string } {
  const colon = source.indexOf(":", Math.max(source.lastIndexOf("/"), source.lastIndexOf("}")));
  return colon < 0 ? { path: source, verb: "" } : { path: source.slice(0, colon), verb: source.slice(colon + 1) };
}
