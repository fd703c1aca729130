/** The counts of a run, as they are kept: a head with the judge's rule, then a line for each second. */
import { RowError } from "@row/topology/row-error.ts";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import schema from "../../experiments/counts.schema.json" with { type: "json" };
import type { JudgeRule } from "../judge/rule.ts";
import type { SecondCounts } from "../judge/second-counts.ts";

export const COUNTS_FORMAT = "canary-row.dev/counts/v1alpha1";

export interface RecordedRun {
  /** The experiment's name. */
  readonly experiment: string;
  readonly rule: JudgeRule;
  readonly seconds: readonly SecondCounts[];
}

/** The first line of a file of counts. */
export function countsHead({ experiment, rule }: Pick<RecordedRun, "experiment" | "rule">): string {
  return `${JSON.stringify({ format: COUNTS_FORMAT, experiment, rule })}\n`;
}

/** A line of it. */
export function countsLine(counts: SecondCounts): string {
  return `${JSON.stringify(counts)}\n`;
}

const ajv = new Ajv2020({ strict: false, allErrors: false });
ajv.addSchema(schema, "counts");
const isHead: ValidateFunction<{ readonly experiment: string; readonly rule: JudgeRule }> = ajv.compile({
  $ref: "counts#/$defs/head",
});
const isSecond: ValidateFunction<SecondCounts> = ajv.compile({ $ref: "counts#/$defs/second" });

/**
 * Reads a file of counts. What a killed process left of its last line is passed over. Throws RowError for anything else that is
 * wrong, with its line.
 */
export function readCounts(text: string, file: string): RecordedRun {
  const lines = text.split("\n");
  // After the last line end there is nothing, or half a line.
  const whole = lines.slice(0, -1);
  const [head, ...seconds] = whole.map((line, index) => ({ line: index + 1, value: parseLine(line, index + 1, file) }));
  if (!head) throw new RowError(`Cannot read ${file}: it has no head; it is to be the counts.jsonl of a run`);
  const { experiment, rule } = checked(isHead, head, file);
  return { experiment, rule, seconds: seconds.map((second) => checked(isSecond, second, file)) };
}

function parseLine(line: string, number: number, file: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new RowError(`Cannot read ${file}:${number}: it is no JSON`);
  }
}

function checked<T>(
  isValid: ValidateFunction<T>,
  { line, value }: { readonly line: number; readonly value: unknown },
  file: string,
): T {
  if (isValid(value)) return value;
  const [error] = isValid.errors ?? [];
  const place = error?.instancePath.slice(1).replaceAll("/", ".") || "the line";
  throw new RowError(`Cannot read ${file}:${line}: ${place} ${error?.message ?? "is wrong"}`);
}
