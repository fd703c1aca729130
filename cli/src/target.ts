/** Where the shop runs that a command speaks to, on this machine or in a cluster, and what can be asked of it. */
import type { Finding } from "@row/laptop/checkup/finding.ts";
import type { InjectedVersion } from "@row/laptop/sidecars/behaviours.ts";
import type { Stat } from "@row/mesh/observer/stat.ts";
import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import type { Kind, Resource } from "@row/mesh/resources/resource.ts";
import type { RowError } from "@row/topology/row-error.ts";

/** A place where a shop runs, and what can be asked of it wherever that is. */
export interface Target {
  /** What the mesh obeys there, of these kinds or of all. */
  resources(kinds?: readonly Kind[]): Promise<FoundResources>;
  /**
   * Shares the calls to a service among its versions, in all its routes or in none; no weights only tell how they are shared, a dry
   * run how they would be. On this machine every sidecar follows once it resolves; a cluster's proxies follow a moment later.
   */
  split(service: string, weights: string[], isDryRun: boolean): Promise<Split>;
  /** Gives every rule the weights that `split` told earlier, each its own; a dry run tells what that would be. */
  restoreSplits(service: string, splits: readonly RuleSplit[], isDryRun: boolean): Promise<Split>;
  stat(query: StatQuery): Promise<StatSource>;
  /** What says who may call what. */
  authz(): Promise<FoundResources>;
  connect(): Promise<Connection>;
  /** Starts a service or store anew, in turn; answers what serves again. */
  restart(name: string): Promise<readonly string[]>;
  /** What is as it should be, and what is not. */
  check(): Promise<readonly Finding[]>;
}

export interface FoundResources {
  readonly resources: readonly Resource[];
  /** Why something that is there is not among them. */
  readonly leftOut: readonly string[];
}

export interface Split {
  readonly splits: readonly RuleSplit[];
  /** The rules that share none: those for marked calls. */
  readonly left: readonly RuleSplit[];
}

export interface StatQuery {
  readonly service?: string;
  /** A Prometheus to ask, in a cluster. */
  readonly prometheus?: string;
  /** How far to look back; ten seconds on a laptop and a minute in a cluster unless given. */
  readonly windowSeconds?: number;
}

/** Who calls whom, and which versions misbehave on purpose, where that is known. */
export interface ShownStat extends Stat {
  readonly injected?: readonly InjectedVersion[];
}

/** Who calls whom, to be asked again and again until it is closed. */
export interface StatSource {
  ask(): Promise<ShownStat>;
  close(): void;
}

/** A way to the services, until it is closed. */
export interface Connection {
  readonly root: string;
  /** "127.0.0.1:5050" for a type such as shop.orders.v1.OrderService; the address that the user gave comes first. */
  addressOf(serviceType: string, given?: string): Promise<string>;
  demoPassword(): Promise<string>;
  /** Why the way broke, where that is known. */
  failure(): RowError | undefined;
  close(): void;
}
