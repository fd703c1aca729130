/** The query parameters that Google's APIs have beside those of a method (cloud.google.com/apis/docs/system-parameters). */
import { InvalidField } from "@row/runtime/domain-error.ts";

/** How the answer is to be written. */
export interface AnswerForm {
  /** `$alt=json;enum-encoding=int`, as generated REST clients ask. */
  readonly hasNumericEnums: boolean;
  /** `$prettyPrint=true`. */
  readonly isPretty: boolean;
}

export const PLAIN: AnswerForm = { hasNumericEnums: false, isPretty: false };

const ALT = /^json(?:;enum-encoding=(int|string))?$/;

/** Takes the system parameters out of a query; what is left is the method's own. Throws for a value that is not served. */
export function takeSystemParameters(query: string): { readonly own: string; readonly form: AnswerForm } {
  if (!/(^|&)(\$|%24)/.test(query)) return { own: query, form: PLAIN };
  let { hasNumericEnums, isPretty } = PLAIN;
  const own = query.split("&").filter((part) => {
    const { name, value } = parameterOf(part);
    switch (name) {
      case "$alt":
        hasNumericEnums = encodingOf(value) === "int";
        return false;
      case "$prettyPrint":
        isPretty = isTrue(name, value);
        return false;
      case "$fields": // answers are small and always whole, as the description of the API says
        return false;
      default:
        return true; // one that is unknown is refused like any other
    }
  });
  return { own: own.join("&"), form: { hasNumericEnums, isPretty } };
}

function parameterOf(part: string): { readonly name: string; readonly value: string } {
  const [name = "", value = ""] = [...new URLSearchParams(part)][0] ?? [];
  return { name, value };
}

function encodingOf(value: string): string {
  const found = ALT.exec(value);
  if (!found) throw new InvalidField("$alt", "must be json, or json;enum-encoding=int for enums as numbers");
  return found[1] ?? "string";
}

function isTrue(name: string, value: string): boolean {
  if (/^(true|1|)$/.test(value)) return true;
  if (/^(false|0)$/.test(value)) return false;
  throw new InvalidField(name, "must be true or false");
}
