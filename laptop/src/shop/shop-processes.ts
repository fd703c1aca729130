import { RowError } from "@row/topology/row-error.ts";
import type { Mesh } from "../sidecars/mesh.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";
import { Pauses } from "./pauses.ts";
import { type ProcessStatus, statusOf } from "./shop-status.ts";

export interface ProcessInfo {
  /** The service or store. */
  name: string;
  instance: string;
  version: string;
  pid: number | undefined;
  state: string;
  restarts: number;
  /** host:port of what it serves first: gRPC for a service, HTTP for the edge. */
  address: string;
  addresses: Record<string, string>;
  env: Record<string, string>;
  logFile: string;
}

/** One thing that happened, and how many of the processes serve. */
export interface Progress {
  text: string;
  ready: number;
  total: number;
  waitingFor: string[];
}

const STORES = 4;

/** The processes that a shop consists of. */
export class ShopProcesses {
  /** In the order in which they came. */
  readonly all: SupervisedProcess[] = [];
  readonly pauses = new Pauses();
  readonly #mesh: () => Mesh | undefined;

  constructor(mesh: () => Mesh | undefined) {
    this.#mesh = mesh;
  }

  /** Those that people are shown: a sidecar is a part of its app. */
  get shown(): SupervisedProcess[] {
    return this.all.filter((process) => !this.isSidecar(process));
  }

  /** The toolbox is one too, but stands for itself. */
  isSidecar(process: SupervisedProcess): boolean {
    return this.#mesh()?.instances.withSidecar(process) !== undefined;
  }

  /** What those that are shown are like now, which for one that was ready once means asking it again. */
  statuses(): Promise<ProcessStatus[]> {
    const sidecarOf = (process: SupervisedProcess) => this.#mesh()?.instances.withApp(process)?.sidecar.process;
    const pausedUntil = (process: SupervisedProcess) => this.pauses.untilOf(process);
    return Promise.all(this.shown.map((process) => statusOf(process, pausedUntil, sidecarOf(process))));
  }

  forget(process: SupervisedProcess): void {
    this.all.splice(this.all.indexOf(process), 1);
  }

  /** The instances of a service, or the one instance of this name. */
  named(name: string): SupervisedProcess[] {
    return this.all.filter(({ spec }) => spec.name === name || spec.service === name);
  }

  /** The first of this name. */
  find(name: string): SupervisedProcess {
    const [found] = this.named(name);
    if (found) return found;
    const known = new Set(this.shown.map(({ spec }) => spec.service));
    throw new RowError(`Unknown process ${name}: there are ${[...known].join(", ")}`);
  }

  /** @param services how many services there will be, for those that are not there yet */
  progress(text: string, services: number): Progress {
    const { shown } = this;
    const waitingFor = shown.filter(({ state }) => state !== "ready").map(({ spec }) => spec.service);
    const total = Math.max(services + STORES, shown.length);
    return { text, ready: shown.length - waitingFor.length, total, waitingFor };
  }
}

export function describe({ spec, pid, state, restarts }: SupervisedProcess): ProcessInfo {
  const { service, name, version, addresses, env, logFile } = spec;
  const address = Object.values(addresses)[0] ?? "";
  return { name: service, instance: name, version, pid, state, restarts, address, addresses, env, logFile };
}
