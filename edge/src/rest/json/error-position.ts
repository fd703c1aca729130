/** Where a text stops being JSON; V8 says so for some mistakes only. Runs only once parsing has failed. */

const SPACE = /[ \t\n\r]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** What may come next. */
type Expected = "value" | "value or ]" | "name" | "name or }" | "colon" | "comma or end";

/** The index of the first character that cannot stand where it stands; the text's length when it ends too early. */
export function jsonErrorPosition(text: string): number {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const takesString = (): boolean => {
    const end = stringEnd(text, at);
    if (end !== undefined) at = end;
    return end !== undefined;
  };
  const takes = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const isThere = pattern.test(text);
    if (isThere) at = pattern.lastIndex;
    return isThere;
  };
  for (;;) {
    takes(SPACE);
    const character = text[at];
    if (character === undefined) return text.length;
    const isClose = (character === "]" && open.at(-1) === "[") || (character === "}" && open.at(-1) === "{");
    if (isClose && (expected === "comma or end" || expected.endsWith(`or ${character}`))) {
      open.pop();
      expected = "comma or end";
      at += 1;
    } else if (expected === "colon") {
      if (character !== ":") return at;
      expected = "value";
      at += 1;
    } else if (expected === "comma or end") {
      if (character !== "," || open.length === 0) return at;
      expected = open.at(-1) === "{" ? "name" : "value";
      at += 1;
    } else if (expected === "name" || expected === "name or }") {
      if (!takesString()) return at;
      expected = "colon";
    } else if (character === "{" || character === "[") {
      open.push(character);
      expected = character === "{" ? "name or }" : "value or ]";
      at += 1;
    } else if (takesString() || takes(SCALAR)) {
      expected = "comma or end";
    } else return at;
  }
}

/** The index after the string that starts at `start`. A loop, because a long string would exhaust a pattern's stack. */
function stringEnd(text: string, start: number): number | undefined {
  if (text[start] !== '"') return undefined;
  let at = start + 1;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === '"') return at + 1;
    if (character < " ") return undefined;
    ESCAPE.lastIndex = at;
    if (character !== "\\") at += 1;
    else if (ESCAPE.test(text)) at = ESCAPE.lastIndex;
    else return undefined;
  }
  return undefined;
}
