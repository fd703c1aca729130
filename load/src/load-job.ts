/** What a load is told to do: plain data, so that another process can be told. */
import type { Spacing } from "./arrivals.ts";
import type { MixName } from "./mixes.ts";

/** What somebody wants of a load. */
export interface LoadWish {
  readonly mix: MixName;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly spacing: Spacing;
  /** What repeats arrival times, calls and products. */
  readonly seed: number;
  /** As many requests are under way at once; others wait. */
  readonly connections: number;
}

export interface LoadJob extends LoadWish {
  /** Where the edge serves REST: "127.0.0.1:8080". */
  readonly edge: string;
  /** Who orders. */
  readonly customers: readonly Account[];
  /** Who sees to it that there is enough to sell. */
  readonly merchant: Account;
  /** The installation's, by which limits for people know who makes a load; worth nothing beyond this machine. */
  readonly key: string;
}

export interface Account {
  readonly email: string;
  readonly password: string;
}
