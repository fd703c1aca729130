/** What a load counts: by second, and in all. Latencies are in milliseconds, from when a request was due. */

export interface Counts {
  /** That ended, well or not. */
  readonly requests: number;
  readonly ok: number;
  readonly failed: number;
  /** By "200", by "503 UNAVAILABLE", by why there was no answer. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly longest: number;
  /** By "catalog/v2", of every service on the way of a request. */
  readonly versions: Readonly<Record<string, VersionCount>>;
  readonly backlog: Backlog;
}

export interface VersionCount {
  readonly requests: number;
  readonly failed: number;
}

/** Requests that could not leave when they were due, because all connections were taken or this machine was busy. */
export interface Backlog {
  /** That left, or were given up, more than a second late. */
  readonly late: number;
  readonly longestMs: number;
  /** That wait now. */
  readonly waiting: number;
}

/** One second of a load. */
export interface LoadSecond extends Counts {
  /** From 1. */
  readonly second: number;
}

export interface LoadSummary extends Counts {
  readonly seconds: number;
  /** Answered well, a second. */
  readonly perSecond: number;
  /** How many were due. */
  readonly due: number;
  /** By what was asked: "list products". */
  readonly kinds: Readonly<Record<string, Counts>>;
  /** Whether it was told to end before its time. */
  readonly isCutShort: boolean;
}
