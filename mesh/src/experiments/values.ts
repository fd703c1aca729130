/** How experiments write durations and shares: "90s", "5%". Pure: it only computes. */
import { durationMs } from "../resources/duration.ts";
import type { Fields } from "../resources/fields.ts";

interface Range {
  readonly from: number;
  readonly to: number;
}

export function readSeconds(fields: Fields, field: string, range: Range & { readonly fallback: number }): number {
  const wanted = `whole seconds from ${range.from}s to ${range.to}s, such as 90s or 5m`;
  const text = fields.optionalText(field, { wanted });
  if (text === undefined) return range.fallback;
  const seconds = (durationMs(text) ?? Number.NaN) / 1_000;
  if (Number.isInteger(seconds) && seconds >= range.from && seconds <= range.to) return seconds;
  fields.problem(field, `it is "${text}"`, `write ${wanted}`);
  return range.fallback;
}

export function readShare(fields: Fields, field: string, range: Range & { readonly fallback: number }): number {
  return readOptionalShare(fields, field, range) ?? range.fallback;
}

export function readOptionalShare(fields: Fields, field: string, { from, to }: Range): number | undefined {
  const wanted = `a share from ${percent(from)} to ${percent(to)}, such as 5%`;
  const text = fields.optionalText(field, { wanted });
  if (text === undefined) return undefined;
  const share = /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) / 100 : Number.NaN;
  if (share >= from && share <= to) return share;
  fields.problem(field, `it is "${text}"`, `write ${wanted}`);
  return undefined;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}
