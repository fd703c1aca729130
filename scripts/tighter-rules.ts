/** Compares the buf.validate rules of a field with those it had: what was valid and is refused now. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** Rules that take more the larger they are, and the default of each. */
const UPPER = new Set(["lte", "maxLen", "maxBytes", "maxItems"]);
const LOWER = new Set(["gte", "minLen", "minItems"]);

/** Says of each rule that refuses more than before what it is now; both as proto3 JSON of a FieldRules. */
export function tighterRules(before: JsonObject, after: JsonObject): string[] {
  return Object.entries(inclusive(after)).flatMap(([name, now]) => tighter(name, inclusive(before)[name], now));
}

function tighter(name: string, before: JsonValue | undefined, now: JsonValue): string[] {
  if (same(before, now) || now === false) return [];
  const said = `${name} is ${before === undefined ? "new" : `${JSON.stringify(before)} no more`}: ${JSON.stringify(now)}`;
  if (name === "ignore") return []; // it only lets more through, and is looked at where it goes
  if (UPPER.has(name)) return before !== undefined && Number(now) > Number(before) ? [] : [said];
  if (LOWER.has(name)) return Number(now) <= Number(before ?? Number.NEGATIVE_INFINITY) ? [] : [said];
  if (name === "in") return before !== undefined && includesAll(now, before) ? [] : [said];
  if (name === "notIn" || name === "cel") return includesAll(before ?? [], now) ? [] : [said];
  if (isObject(now)) {
    return tighterRules(isObject(before) ? before : {}, now).map((one) =>
      name === "items" ? `of its items ${one}` : one,
    );
  }
  return [said];
}

/** Whether rules that were left out for some values hold for them now. */
export function ignoresLess(before: JsonObject, after: JsonObject): boolean {
  const rank = (ignore: JsonValue | undefined) => ["IGNORE_IF_ZERO_VALUE", "IGNORE_ALWAYS"].indexOf(String(ignore));
  return rank(after.ignore) < rank(before.ignore);
}

/** "gt 0" as "gte 1": the rules are of whole numbers. */
function inclusive(rules: JsonObject): JsonObject {
  const { gt, lt, ...rest } = rules;
  return {
    ...rest,
    ...(gt === undefined ? {} : { gte: String(BigInt(String(gt)) + 1n) }),
    ...(lt === undefined ? {} : { lte: String(BigInt(String(lt)) - 1n) }),
  };
}

function includesAll(whole: JsonValue, part: JsonValue): boolean {
  if (!Array.isArray(whole) || !Array.isArray(part)) return false;
  return part.every((one) => whole.some((other) => same(one, other)));
}

function same(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
