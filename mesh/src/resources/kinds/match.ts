/** Matches that GRPCRoutes and HTTPRoutes have in common. */
import type { Fields } from "../fields.ts";
import type { HeaderMatch, NamedValue } from "../resource.ts";

const MOST_HEADERS = 16;
export const HEADER_NAME = {
  pattern: /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/,
  maxLength: 256,
  wanted: "a header's name",
};
const HEADER_VALUE = { pattern: /^[^\r\n\0]+$/, maxLength: 4096, wanted: "a value that is not empty and has one line" };

export function readHeaderMatches(match: Fields): HeaderMatch[] {
  const headers = match.each("headers", readHeaderMatch, { max: MOST_HEADERS });
  refuseRepeats(
    match,
    "headers",
    headers.map(({ name }) => name),
  );
  return headers;
}

/** Headers to set or to add. */
export function readNamedValues(modifier: Fields, field: string): NamedValue[] {
  const values = modifier.each(
    field,
    (header): NamedValue => ({
      name: header.text("name", HEADER_NAME).toLowerCase(),
      value: header.text("value", HEADER_VALUE),
    }),
    { max: MOST_HEADERS },
  );
  refuseRepeats(
    modifier,
    field,
    values.map(({ name }) => name),
  );
  return values;
}

function readHeaderMatch(header: Fields): HeaderMatch {
  const type = header.oneOf("type", ["Exact", "RegularExpression"], "Exact");
  const name = header.text("name", HEADER_NAME).toLowerCase();
  const value = header.text("value", HEADER_VALUE);
  if (type === "RegularExpression" && !isRegularExpression(value)) {
    header.problem("value", `${JSON.stringify(value)} is no regular expression`, "correct it");
  }
  return { type, name, value };
}

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function refuseRepeats(fields: Fields, field: string, names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue;
    fields.problem([field, index, "name"], `"${name}" stands there twice`, "keep one of them");
  }
}
