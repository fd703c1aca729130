/** What a PromQL expression refers to: metrics with their matchers, and the labels that it groups by. */

export interface Matcher {
  readonly label: string;
  readonly operator: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface References {
  readonly selectors: readonly Selector[];
  readonly groupings: readonly string[];
}

const TOKEN = /\s+|#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[a-zA-Z_:][\w:]*|\$\w+|[\d.]+\w*|=~|!~|!=|==|>=|<=|./y;
const GROUPING = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const WORDS = new Set(["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"]);

/** Throws where brackets do not match or a matcher is none; whether the whole is well-formed is promtool's to say. */
export function referencesOf(expression: string): References {
  const tokens = (expression.match(new RegExp(TOKEN, "g")) ?? []).filter((token) => !/^(\s|#)/.test(token));
  const selectors: Selector[] = [];
  const groupings: string[] = [];
  const fail = (what: string): never => {
    throw new Error(`Cannot read a query: ${what} in ${expression}`);
  };
  /** The tokens of a bracket that opens at `at`, and where it closes. */
  const inside = (at: number, open: string, close: string): { inner: string[]; end: number } => {
    for (let end = at, depth = 0; end < tokens.length; end += 1) {
      if (tokens[end] === open) depth += 1;
      if (tokens[end] === close) depth -= 1;
      if (depth === 0) return { inner: tokens.slice(at + 1, end), end };
    }
    return fail(`${open} without ${close}`);
  };
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] ?? "";
    const next = tokens[at + 1];
    if (token === "[") at = inside(at, "[", "]").end;
    else if (token === "{") fail("a selector without a metric");
    else if (!/^[a-zA-Z_:]/.test(token) || WORDS.has(token.toLowerCase())) continue;
    else if (GROUPING.has(token)) {
      if (next !== "(") continue; // group_left may stand alone
      const { inner, end } = inside(at + 1, "(", ")");
      groupings.push(...inner.filter((name) => name !== ","));
      at = end;
    } else if (next === "(" || GROUPING.has(next ?? "")) {
      // Grafana's own: label_values(metric, label).
      if (token !== "label_values") continue;
      const { inner, end } = inside(at + 1, "(", ")");
      const label = inner.at(-1) ?? fail("label_values without a label");
      const [selector] = referencesOf(inner.slice(0, -2).join("")).selectors;
      selectors.push(selector ?? fail("label_values without a metric"));
      groupings.push(label);
      at = end;
    } else {
      const { inner, end } = next === "{" ? inside(at + 1, "{", "}") : { inner: [], end: at };
      selectors.push({ metric: token, matchers: matchersOf(inner, fail) });
      at = end;
    }
  }
  if (selectors.length === 0) fail("no metric");
  return { selectors, groupings };
}

function matchersOf(tokens: readonly string[], fail: (what: string) => never): Matcher[] {
  const matchers: Matcher[] = [];
  for (let at = 0; at < tokens.length; at += 4) {
    const [label = "", operator, value = "", comma = ","] = tokens.slice(at, at + 4);
    if (operator !== "=" && operator !== "!=" && operator !== "=~" && operator !== "!~") return fail("a matcher");
    if (!/^["']/.test(value) || comma !== ",") return fail("a matcher's value");
    matchers.push({ label, operator, value: value.slice(1, -1) });
  }
  return matchers;
}
