/** Reading single annotations; every value of an annotation is a string. */
import { durationMs, WANTED_DURATION } from "./duration.ts";

export type Annotations = Readonly<Record<string, string>>;

export interface AnnotationProblem {
  readonly annotation: string;
  readonly state: string;
  readonly advice: string;
}

/** Milliseconds; undefined when the annotation is absent or wrong. */
export function readDuration(from: Annotations, annotation: string, problems: AnnotationProblem[]): number | undefined {
  const text = from[annotation];
  if (text === undefined) return undefined;
  const milliseconds = durationMs(text);
  if (milliseconds === undefined)
    problems.push({ annotation, state: `it is "${text}"`, advice: `write ${WANTED_DURATION}` });
  return milliseconds;
}

/** A number in a range; undefined when the annotation is absent or wrong. */
export function readNumber(
  from: Annotations,
  annotation: string,
  { least, most, whole }: { least: number; most: number; whole: boolean },
  problems: AnnotationProblem[],
): number | undefined {
  const text = from[annotation];
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const advice = `write a ${whole ? "whole " : ""}number from ${least} to ${most}`;
  problems.push({ annotation, state: `it is "${text}"`, advice });
  return undefined;
}
