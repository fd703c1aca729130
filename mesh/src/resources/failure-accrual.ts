/** Circuit breaking per endpoint, as Linkerd reads it from a Service's annotations. */
import { type AnnotationProblem, type Annotations, readDuration, readNumber } from "./annotation.ts";

export interface FailureAccrual {
  readonly mode: "consecutive";
  /** Failures in a row after which an endpoint is taken out. */
  readonly maxFailures: number;
  /** How long it stays out: doubled with each failed probe, from the least to the most. */
  readonly minPenaltyMs: number;
  readonly maxPenaltyMs: number;
  /** The penalty is made longer by up to this part of itself, at random. */
  readonly jitterRatio: number;
}

export const FAILURE_ACCRUAL = "balancer.linkerd.io/failure-accrual";
const CONSECUTIVE = `${FAILURE_ACCRUAL}-consecutive`;
const UNIFIED = "balancer.alpha.linkerd.io/failure-accrual";
const MOST = 2 ** 32 - 1;

/** What a laptop's sidecars are told of a Service that asks for rates of success: they count failures in a row. */
export const ONLY_CONSECUTIVE: AnnotationProblem = {
  annotation: FAILURE_ACCRUAL,
  state: "it is unified, and the mesh counts failures in a row only",
  advice: "write consecutive",
};

/** The annotations, with Linkerd's defaults, and what is wrong with them. */
export function readFailureAccrual(annotations: Annotations): {
  readonly accrual?: FailureAccrual;
  readonly problems: readonly AnnotationProblem[];
} {
  const problems: AnnotationProblem[] = [];
  const mode = annotations[FAILURE_ACCRUAL];
  if (mode !== undefined && mode !== "consecutive" && mode !== "unified") {
    problems.push({ annotation: FAILURE_ACCRUAL, state: `it is "${mode}"`, advice: "write consecutive or unified" });
  }
  const number = (annotation: string, range: { least: number; most: number; whole: boolean }) =>
    readNumber(annotations, annotation, range, problems);
  const penalty = {
    maxFailures: number(`${CONSECUTIVE}-max-failures`, { least: 1, most: MOST, whole: true }) ?? 7,
    minPenaltyMs: readDuration(annotations, `${CONSECUTIVE}-min-penalty`, problems) ?? 1_000,
    maxPenaltyMs: readDuration(annotations, `${CONSECUTIVE}-max-penalty`, problems) ?? 60_000,
    jitterRatio: number(`${CONSECUTIVE}-jitter-ratio`, { least: 0, most: 100, whole: false }) ?? 0.5,
  };
  if (penalty.minPenaltyMs > penalty.maxPenaltyMs) {
    const state = `the least penalty of ${penalty.minPenaltyMs} ms exceeds the most, ${penalty.maxPenaltyMs} ms`;
    problems.push({
      annotation: `${CONSECUTIVE}-min-penalty`,
      state,
      advice: `lower it, or raise ${CONSECUTIVE}-max-penalty`,
    });
  }
  number(`${UNIFIED}-success-rate-threshold`, { least: 0, most: 1, whole: false });
  number(`${UNIFIED}-min-requests`, { least: 1, most: MOST, whole: true });
  const windowMs = readDuration(annotations, `${UNIFIED}-window`, problems);
  if (windowMs !== undefined && windowMs < 10) {
    problems.push({ annotation: `${UNIFIED}-window`, state: "it is under 10 ms", advice: "write 10ms or more" });
  }
  if (mode === "consecutive") return { accrual: { mode, ...penalty }, problems };
  const idle = Object.keys(annotations).find((name) => name.startsWith(CONSECUTIVE) || name.startsWith(UNIFIED));
  if (mode === undefined && idle) {
    problems.push({
      annotation: idle,
      state: "it has no effect alone",
      advice: `add ${FAILURE_ACCRUAL}: consecutive, or remove it`,
    });
  }
  return { problems };
}
