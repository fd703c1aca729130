/** Which failures are explained: what may not be tried again fails when its replica is killed under it, and nothing else does. */
import { methodAt } from "@row/runtime/contract.ts";
import type { Failure } from "./load-job.ts";

/** Something that was under way for a while, in milliseconds since the epoch. */
export interface Happening {
  /** "kill orders-v1-2" */
  readonly what: string;
  readonly kind: "kill" | "drain" | "return" | "weights" | "certificate";
  readonly service: string;
  readonly startedAt: number;
  /** Of a kill: when what was killed serves again. */
  readonly endedAt: number;
}

export interface JudgedFailure extends Failure {
  readonly isRetried: boolean;
  /** Everything that was under way during the call. */
  readonly during: readonly string[];
  /** The kill that explains it. */
  readonly explainedBy?: string;
}

export function judge(failures: readonly Failure[], happenings: readonly Happening[]): JudgedFailure[] {
  return failures.map((failure) => {
    const during = happenings.filter(
      ({ startedAt, endedAt }) => startedAt <= failure.endedAt && endedAt >= failure.startedAt,
    );
    const isRetried = methodAt(failure.method).isIdempotent;
    const kill = during.find(({ kind, service }) => kind === "kill" && service === serviceOf(failure.method));
    const isExplained = kill !== undefined && !isRetried && failure.status === "UNAVAILABLE";
    return {
      ...failure,
      isRetried,
      during: during.map(({ what }) => what),
      ...(isExplained ? { explainedBy: kill.what } : {}),
    };
  });
}

/** "/shop.orders.v1.OrderService/GetOrder" is served by "orders". */
function serviceOf(method: string): string {
  return method.split(".")[1] ?? "";
}
