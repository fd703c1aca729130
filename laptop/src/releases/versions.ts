/** The versions of one service in a running shop, as a release moves them. */
import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import type { ProcessStatus } from "../shop/shop-status.ts";
import { askMesh, askStatus } from "../supervisor/control-client.ts";

export class Versions {
  readonly service: string;
  readonly #stateDir: string;

  constructor(stateDir: string, service: string) {
    this.#stateDir = stateDir;
    this.service = service;
  }

  /** The processes of a version, or of all. */
  async instances(version?: string): Promise<ProcessStatus[]> {
    const { processes } = await askStatus(this.#stateDir);
    return processes.filter((one) => one.name === this.service && (version === undefined || one.version === version));
  }

  /** How calls are shared, rule by rule; of those that share any. */
  async splits(): Promise<RuleSplit[]> {
    return (await askMesh(this.#stateDir, "split", { service: this.service, weights: [] })).splits;
  }

  async share(weights: Readonly<Record<string, number>>): Promise<void> {
    const words = Object.entries(weights).map(([version, weight]) => `${version}=${weight}`);
    await askMesh(this.#stateDir, "split", { service: this.service, weights: words });
  }

  async restore(splits: readonly RuleSplit[]): Promise<void> {
    await askMesh(this.#stateDir, "restoreSplits", { service: this.service, splits });
  }

  /** Resolves once they are ready. */
  async deploy(version: string, code: { readonly from?: string; readonly replicas: number }): Promise<void> {
    await askMesh(this.#stateDir, "deploy", { service: this.service, version, ...code });
  }

  /** Resolves once new ones are ready, or those that went are drained. */
  async scale(version: string, replicas: number): Promise<void> {
    await askMesh(this.#stateDir, "scale", { service: this.service, version, replicas });
  }

  async undeploy(version: string): Promise<void> {
    await askMesh(this.#stateDir, "undeploy", { service: this.service, version });
  }
}
