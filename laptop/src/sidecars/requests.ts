import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import type { BehaveOptions, InjectedVersion } from "./behaviours.ts";
import type { Deployment } from "./deployments.ts";
import type { Partition } from "./partitions.ts";

/** A manifest as the user has it. */
export interface Document {
  /** As messages name it. */
  file: string;
  text: string;
}

/** "grpcroute/catalog-fast configured" */
export interface ChangeReport {
  resource: string;
  outcome: string;
  /** Its manifest as it is and as it would be, of a change that is only tried; empty where there is none. */
  before?: string;
  after?: string;
}

export interface Versions {
  service: string;
  version: string;
  instances: string[];
}

/** What can be asked of a running mesh, by the name of the request: the request, and its answer. */
export interface MeshRequests {
  about: [Record<string, never>, { on: boolean; toolbox?: string; services: string[] }];
  resources: [Record<string, never>, { resources: Resource[] }];
  /** A dry run is refused as the change would be, and changes nothing. */
  apply: [{ documents: Document[]; isDryRun?: boolean }, { outcomes: ChangeReport[] }];
  delete: [{ targets: { kind: string; name: string }[]; isDryRun?: boolean }, { outcomes: ChangeReport[] }];
  /** No weights: only tells. A dry run tells what would be. */
  split: [{ service: string; weights: string[]; isDryRun?: boolean }, { splits: RuleSplit[]; left: RuleSplit[] }];
  /** Gives each rule the weights that `split` told earlier. A dry run tells what would be. */
  restoreSplits: [
    { service: string; splits: readonly RuleSplit[]; isDryRun?: boolean },
    { splits: RuleSplit[]; left: RuleSplit[] },
  ];
  /** Which versions of a service there are, once every change that was asked for before is made. */
  deployments: [{ service: string }, { deployments: Deployment[] }];
  deploy: [
    { service: string; version: string; replicas: number; from?: string; behaviours?: readonly string[] },
    Versions & { checkout?: string },
  ];
  scale: [{ service: string; version?: string; replicas: number }, Versions & { warning?: string }];
  undeploy: [{ service: string; version: string }, Versions];
  /** No behaviours: as the code is. */
  behave: [
    { service: string; version: string; behaviours: readonly string[] } & BehaveOptions,
    { injected: InjectedVersion[] },
  ];
  /** Neither: only tells. Healed is what is cut between these; everything of one, or of all, where one is left open. */
  partition: [{ cut?: Partition; heal?: Partial<Partition> }, { partitions: Partition[] }];
  injected: [Record<string, never>, { injected: InjectedVersion[] }];
}

export type MeshVerb = keyof MeshRequests;
export type RequestOf<Verb extends MeshVerb> = MeshRequests[Verb][0];
export type AnswerOf<Verb extends MeshVerb> = MeshRequests[Verb][1];

/** One function for each request. The signal is aborted when nobody waits for the answer any more: what is half done is then taken back. */
export type MeshControl = {
  [Verb in MeshVerb]: (request: RequestOf<Verb>, signal?: AbortSignal) => Promise<AnswerOf<Verb>>;
};

/** Asks a mesh, of this process or through the control socket of another. */
export type AskMesh = <Verb extends MeshVerb>(verb: Verb, request: RequestOf<Verb>) => Promise<AnswerOf<Verb>>;
