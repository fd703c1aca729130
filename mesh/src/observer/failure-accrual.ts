/** Circuit breaking as Linkerd's `balancer.linkerd.io/failure-accrual: consecutive`, for one endpoint of one client. */

export interface BreakerPolicy {
  /** Failures in a row that take the endpoint out. */
  readonly maxFailures: number;
  /** How long it stays out the first time; doubles each time that it fails when let back in. */
  readonly minPenaltyMs: number;
  readonly maxPenaltyMs: number;
  /** Up to this share of the penalty is added at random, so that clients do not come back together. */
  readonly jitterRatio: number;
}

/** closed: in use; open: out; probation: let back in, and the next answer decides. */
type State = "closed" | "open" | "probation";

export class FailureAccrual {
  /** The client whose sidecar sends the calls. */
  readonly instance: string;
  /** The Service that it calls. */
  readonly service: string;
  /** The instance that answers. */
  readonly endpoint: string;
  policy: BreakerPolicy | undefined;
  state: State = "closed";
  failures = 0;
  #trips = 0;

  constructor(instance: string, service: string, endpoint: string) {
    this.instance = instance;
    this.service = service;
    this.endpoint = endpoint;
  }

  /** Counts an answer; true when the endpoint has to be taken out now. */
  record(failed: boolean): boolean {
    if (!this.policy || this.state === "open") return false;
    if (!failed) {
      this.failures = 0;
      this.#trips = 0;
      this.state = "closed";
      return false;
    }
    this.failures += 1;
    return this.state === "probation" || this.failures >= this.policy.maxFailures;
  }

  /** Takes the endpoint out; answers for how many milliseconds. `random` is from 0 to 1. */
  trip(random: number): number {
    const { minPenaltyMs = 0, maxPenaltyMs = 0, jitterRatio = 0 } = this.policy ?? {};
    this.state = "open";
    const penalty = Math.min(minPenaltyMs * 2 ** this.#trips, maxPenaltyMs);
    this.#trips += 1;
    return Math.min(penalty * (1 + jitterRatio * random), maxPenaltyMs);
  }

  release(): void {
    this.state = "probation";
    this.failures = 0;
  }

  /** No policy any more: everything is as if nothing had happened. */
  reset(): void {
    this.state = "closed";
    this.failures = 0;
    this.#trips = 0;
  }
}
