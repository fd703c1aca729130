/** What the load generator is told, and what it tells. */
import type { HttpRequest } from "@row/load/http-request.ts";

/** What the load generator is told to do. */
export interface LoadJob {
  /** On 127.0.0.1. */
  port: number;
  /** How many requests are under way at once, each on a connection that stays open. */
  connections: number;
  seconds: number;
  /** Sent in turn. */
  requests: HttpRequest[];
  /** Requests a second, evenly spread and each sent when it is due; as many as the connections can carry when absent. */
  pace?: number;
  /** The orders database: a request that places an order ends when the order is CONFIRMED there. */
  confirmIn?: string;
}

/** What came of it. Latencies are in milliseconds; a paced request counts from when it was due. */
export interface LoadResult {
  /** Requests that ended well before the end. */
  requests: number;
  perSecond: number;
  p50: number;
  p99: number;
  /** How often each kind of failure happened. */
  errors: Record<string, number>;
}
