/** Timeouts and retries, as Linkerd reads them from the annotations of routes and Services. */
import { type AnnotationProblem, type Annotations, readDuration } from "./annotation.ts";

export interface Timeouts {
  /** For the whole exchange, streams included. */
  readonly requestMs?: number;
  /** For the response, from the end of the request on. */
  readonly responseMs?: number;
  /** Without anything sent either way. */
  readonly idleMs?: number;
}

export const RETRYABLE_STATUSES = [
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;
export type RetryableStatus = (typeof RETRYABLE_STATUSES)[number];

export interface Retry {
  /** grpc-statuses that are retried; connection failures are, whenever there is a Retry at all. */
  readonly grpc: readonly RetryableStatus[];
  /** How many times at most after the first try; at least 1. */
  readonly limit: number;
  /** How long one try may take to its response headers; the last try may take longer. */
  readonly timeoutMs?: number;
}

export interface RoutePolicy {
  readonly timeouts: Timeouts;
  readonly retry?: Retry;
}

const TIMEOUT = {
  "timeout.linkerd.io/request": "requestMs",
  "timeout.linkerd.io/response": "responseMs",
  "timeout.linkerd.io/idle": "idleMs",
} as const;

/**
 * What a route does with calls to a Service: what its own annotations say, or else those of the Service. One timeout annotation on
 * the route sets aside all timeouts of the Service, and so with retries.
 */
export function policyUnder(own: RoutePolicy, parent: RoutePolicy): RoutePolicy {
  const timeouts = Object.keys(own.timeouts).length > 0 ? own.timeouts : parent.timeouts;
  const retry = own.retry ?? parent.retry;
  return { timeouts, ...(retry && { retry }) };
}

/** Retry and timeout annotations, and what is wrong with them: values that Linkerd would not take. */
export function readRoutePolicy(annotations: Annotations): {
  readonly policy: RoutePolicy;
  readonly problems: readonly AnnotationProblem[];
} {
  const problems: AnnotationProblem[] = [];
  const timeouts: { -readonly [Name in keyof Timeouts]: Timeouts[Name] } = {};
  for (const [annotation, name] of Object.entries(TIMEOUT)) {
    const milliseconds = readDuration(annotations, annotation, problems);
    if (milliseconds !== undefined) timeouts[name] = milliseconds;
  }
  const retry = readRetry(annotations, problems);
  return { policy: { timeouts, ...(retry && { retry }) }, problems };
}

function readRetry(annotations: Annotations, problems: AnnotationProblem[]): Retry | undefined {
  const grpc = annotations["retry.linkerd.io/grpc"];
  const limit = annotations["retry.linkerd.io/limit"];
  const timeoutMs = readDuration(annotations, "retry.linkerd.io/timeout", problems);
  const statuses = grpc === undefined ? [] : readStatuses(grpc, problems);
  if (limit !== undefined && !(/^\d+$/.test(limit) && Number(limit) <= 65_535)) {
    problems.push({
      annotation: "retry.linkerd.io/limit",
      state: `it is "${limit}"`,
      advice: "write a number from 1 to 65535",
    });
  }
  // Linkerd takes a limit of 0 as no limit given.
  if (grpc === undefined && timeoutMs === undefined && (limit === undefined || Number(limit) === 0)) return undefined;
  return { grpc: statuses, limit: Number(limit) || 1, ...(timeoutMs !== undefined && { timeoutMs }) };
}

function readStatuses(list: string, problems: AnnotationProblem[]): RetryableStatus[] {
  return list.split(",").flatMap((item) => {
    const status = RETRYABLE_STATUSES.find((known) => known === item);
    if (status) return [status];
    const state = item === item.trim() ? `"${item}" is no status that Linkerd retries` : `"${item}" holds a space`;
    const advice = `write ${RETRYABLE_STATUSES.join(", ")}, with commas and without spaces`;
    problems.push({ annotation: "retry.linkerd.io/grpc", state, advice });
    return [];
  });
}
