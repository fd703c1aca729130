/** What the process that makes the load is told, and what it tells. */

export interface LoadJob {
  readonly seed: number;
  /** When the first call is due, in milliseconds since the epoch; at once when absent. */
  readonly startAt?: number;
  readonly seconds: number;
  /** Calls a second, each begun when it is due, whatever became of those before; absent: as many as can be had. */
  readonly rate?: number;
  /** "http://127.0.0.1:8080" */
  readonly edge: string;
  /** "127.0.0.1:5050" */
  readonly toolbox: string;
  /** The toolbox's, as JSON: what is tried again on which grpc-status. */
  readonly serviceConfig: string;
  readonly customerToken: string;
  readonly merchantToken: string;
  readonly productIds: readonly string[];
  /** Of the customer. */
  readonly orderId: string;
  readonly paymentId: string;
}

/** A call that failed. */
export interface Failure {
  /** "/shop.orders.v1.OrderService/PlaceOrder" */
  readonly method: string;
  readonly through: "edge" | "toolbox";
  /** "UNAVAILABLE" */
  readonly status: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface CallCount {
  calls: number;
  failed: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

export interface LoadResult {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Answered without a failure. */
  readonly perSecond: number;
  /** By "edge GetProduct". */
  readonly calls: Readonly<Record<string, CallCount>>;
  readonly failures: readonly Failure[];
  /** The orders that were accepted. */
  readonly accepted: readonly string[];
  /** How late the latest call began, because this process was busy. */
  readonly latestMs: number;
}
