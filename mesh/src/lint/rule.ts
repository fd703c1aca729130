import type { Cluster } from "./cluster.ts";
import type { Value } from "./value.ts";

/** One place where a rule is broken. */
export interface Hit {
  readonly at: Value;
  /** What is written there, "weight is 0 in all 2 backendRefs". */
  readonly message: string;
  /** Instead of the rule's own, where more can be said. */
  readonly fix?: string;
  /** Nothing is broken by it, and the exit status stays 0. */
  readonly isHint?: boolean;
}

export interface Rule {
  /** In kebab-case. */
  readonly name: string;
  /** What happens otherwise: the symptom by which a user would meet it. One line. */
  readonly why: string;
  /** What to write. One line. */
  readonly fix: string;
  check(cluster: Cluster): Iterable<Hit>;
}

export interface Finding {
  readonly rule: string;
  readonly level: "problem" | "hint";
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly why: string;
  readonly fix: string;
}
