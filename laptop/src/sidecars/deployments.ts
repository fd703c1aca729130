import { readFileSync, rmSync } from "node:fs";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { replaceFile } from "@row/topology/replace-file.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";

/** A version of a service and how many of it run, as a Deployment says it in a cluster. */
export interface Deployment {
  readonly service: string;
  readonly version: string;
  readonly replicas: number;
  /** The folder of the checkout whose code it runs; the shop's own when absent. */
  readonly from?: string;
  /** What was asked for: the folder or the git reference that `from` was made of. */
  readonly asked?: string;
}

/** What runs besides, or in other numbers than, one v1 of every service; kept in a file so that it is there after a restart. */
export class Deployments {
  readonly #file: string;
  #changed: Deployment[];

  constructor(file: string) {
    this.#file = file;
    this.#changed = read(file);
  }

  /** Every deployment of these services, v1 first. */
  of(services: readonly string[]): Deployment[] {
    return services.flatMap((service) => {
      const own = this.#changed.filter((deployment) => deployment.service === service);
      const first = own.find(({ version }) => version === FIRST_VERSION);
      return [
        first ?? { service, version: FIRST_VERSION, replicas: 1 },
        ...own.filter((deployment) => deployment !== first),
      ];
    });
  }

  set(deployment: Deployment): void {
    const { service, version } = deployment;
    const isSame = (other: Deployment) => other.service === service && other.version === version;
    const at = this.#changed.findIndex(isSame);
    this.#write(at < 0 ? [...this.#changed, deployment] : this.#changed.with(at, deployment));
  }

  delete(service: string, version: string): void {
    this.#write(this.#changed.filter((other) => other.service !== service || other.version !== version));
  }

  #write(changed: Deployment[]): void {
    this.#changed = changed;
    if (changed.length === 0) {
      rmSync(this.#file, { force: true });
      return;
    }
    replaceFile(this.#file, `${JSON.stringify(changed, null, 2)}\n`);
  }
}

function read(file: string): Deployment[] {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw new RowError(`Cannot read ${file}: ${messageOf(error)}`);
  }
}
