import { type CompiledSidecar, compileAll } from "@row/mesh/haproxy/compile/compile.ts";
import type { MeshView, Workload } from "@row/mesh/haproxy/workload.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { portsOf } from "@row/topology/service-manifest.ts";
import { realPort } from "../installation.ts";
import { fewAtOnce } from "./few-at-once.ts";
import type { MeshFolders } from "./instance.ts";
import type { Instances } from "./instances.ts";
import type { MeshHost } from "./mesh-host.ts";
import { writeSidecarsFile } from "./observer.ts";
import type { Plan, ResourceStore } from "./resource-store.ts";
import type { Sidecar } from "./sidecar.ts";

/** What a sidecar missed is with it again after as long, should nothing be noticed meanwhile. */
const RECONCILE_EVERY_MS = 2_000;

/** The workload that people call from. */
export interface Toolbox {
  readonly workload: Workload;
  readonly sidecar: Sidecar;
}

/** Where calls go: what the resources say and who may be called now, brought into every sidecar and to the observer. */
export class Reconciler {
  readonly #host: MeshHost;
  readonly #folders: MeshFolders;
  readonly #instances: Instances;
  #store: ResourceStore | undefined;
  #toolbox: Toolbox | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #reconciling: NodeJS.Timeout | undefined;
  #pushing: Promise<void> | undefined;
  #isAsked = false;
  #lastFailure = "";

  constructor(host: MeshHost, folders: MeshFolders, members: Instances) {
    this.#host = host;
    this.#folders = folders;
    this.#instances = members;
  }

  /** What says where calls go. */
  get store(): ResourceStore {
    if (!this.#store) throw new RowError("The mesh is not running yet");
    return this.#store;
  }

  /** The members' and the toolbox's. */
  get sidecars(): Sidecar[] {
    const own = this.#instances.all.map(({ sidecar }) => sidecar);
    return this.#toolbox ? [...own, this.#toolbox.sidecar] : own;
  }

  /** Decides what every sidecar starts with, by everything that was applied as far as it still fits. */
  begin(store: ResourceStore, toolbox: Toolbox): void {
    this.#store = store;
    this.#toolbox = toolbox;
    try {
      this.#want(store.resources);
    } catch (error) {
      if (!store.isChanged) throw new RowError(messageOf(error));
      // What was applied to an older state of the repository must not keep the shop from starting.
      const aside = store.setAside();
      this.#host.report(`what was applied earlier is set aside in ${aside}: ${messageOf(error)}`);
      this.#want(store.resources);
    }
  }

  /**
   * Makes every sidecar do what the resources say, or none where one could not: with a plan, what they would say, which is then kept.
   * Resolves when every sidecar follows; rejects when one does not, while all others do.
   */
  apply(plan?: Plan): Promise<void> {
    const done = this.#queue.then(async () => {
      const view = this.#view(plan?.resources ?? this.store.resources);
      const wanted = this.#sidecarsIn(view);
      await this.#check(wanted);
      if (plan) this.store.commit(plan);
      for (const [sidecar, one] of wanted) sidecar.want(one);
      writeSidecarsFile(view, this.#folders);
      const failures: unknown[] = [];
      await fewAtOnce(wanted, ([sidecar]) => sidecar.sync().catch((error) => failures.push(error)));
      if (failures.length > 0) throw failures[0];
    });
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Rejects where `apply` would, and changes nothing. */
  tryOut(plan: Plan): Promise<void> {
    return this.#queue.then(() => this.#check(this.#sidecarsIn(this.#view(plan.resources))));
  }

  /** Resolves when what is being enforced is, or has failed. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  /** Tells every sidecar that runs, and the observer, who may be called now; rejects when one does not do it. */
  async pushReadiness(): Promise<void> {
    writeSidecarsFile(this.#view(this.store.resources), this.#folders);
    const outcomes = await Promise.allSettled(this.#running.map((sidecar) => sidecar.reconcile()));
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    if (failure) throw failure.reason;
  }

  /** The same, for whoever noticed a change and waits for nothing. */
  pushReadinessSoon(): void {
    this.#isAsked = true;
    this.#pushing ??= this.#pushWhileAsked().finally(() => {
      this.#pushing = undefined;
    });
  }

  /** From now on compares what every sidecar does with what is wanted, and mends what differs. */
  startReconciling(): void {
    this.#reconciling ??= setInterval(() => this.pushReadinessSoon(), RECONCILE_EVERY_MS).unref();
  }

  async stopReconciling(): Promise<void> {
    clearInterval(this.#reconciling);
    await this.#pushing;
  }

  /** What sidecars that run do otherwise than they are to, a sentence for each; asked now. */
  async differences(): Promise<string[]> {
    const found: string[] = [];
    await fewAtOnce(this.#running, async (sidecar) => {
      const differences = await sidecar.differences().catch((error) => [`it cannot be asked: ${messageOf(error)}`]);
      found.push(...differences.map((what) => `the sidecar of ${sidecar.instance} is not as it should be: ${what}`));
    });
    return found.sort();
  }

  /** One that is down has all of it when it comes back. */
  get #running(): Sidecar[] {
    return this.sidecars.filter(({ process }) => process.state === "ready");
  }

  async #pushWhileAsked(): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false;
      const failure = await this.pushReadiness().then(() => "", messageOf);
      // Tried again and again, but said once.
      if (failure !== "" && failure !== this.#lastFailure) this.#host.report(`${failure}; it is tried again`);
      this.#lastFailure = failure;
    }
  }

  #want(resources: readonly Resource[]): void {
    const view = this.#view(resources);
    const wanted = this.#sidecarsIn(view);
    for (const [sidecar, one] of wanted) sidecar.want(one);
    writeSidecarsFile(view, this.#folders);
  }

  /** Every sidecar with what it has to do in a mesh like this. Throws when one cannot. */
  #sidecarsIn(view: MeshView): (readonly [Sidecar, CompiledSidecar])[] {
    const compiled = compileAll(view);
    return this.sidecars.map((sidecar) => {
      const one = compiled.get(sidecar.instance);
      if (!one) throw new Error(`Cannot compile: ${sidecar.instance} is not in the view`);
      return [sidecar, one] as const;
    });
  }

  #check(wanted: readonly (readonly [Sidecar, Parameters<Sidecar["check"]>[0]])[]): Promise<void> {
    return fewAtOnce(wanted, ([sidecar, one]) => sidecar.check(one));
  }

  #view(resources: readonly Resource[]): MeshView {
    const withPort = new Set<string>();
    const workloads = this.#instances.all.map(({ instance: { workload, service } }) => {
      // People call one instance of each service: the first.
      const isFirst = !withPort.has(service.name);
      withPort.add(service.name);
      return {
        ...workload,
        isReady: this.#instances.isReady(workload.instance),
        laptopPorts: isFirst ? this.#laptopPorts(service.name) : [],
      };
    });
    return { resources, workloads: this.#toolbox ? [...workloads, this.#toolbox.workload] : workloads };
  }

  #laptopPorts(name: string): number[] {
    const { installation, services } = this.#host;
    const service = services.find((one) => one.name === name);
    if (!service) return [];
    const { http, grpc } = portsOf(service);
    return [http, grpc].flatMap((port) => (port === undefined ? [] : realPort(installation, port)));
  }
}
