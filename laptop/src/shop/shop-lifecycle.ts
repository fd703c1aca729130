import { basename, join } from "node:path";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices, isMeshed, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { Programs } from "../bundle/programs.ts";
import { leftRuns } from "../experiments/runs.ts";
import type { Installation } from "../installation.ts";
import { provision, seedServices } from "../provision/provision.ts";
import { provideEvents } from "../sidecars/checkout-events.ts";
import { meshControl, noMeshControl } from "../sidecars/control.ts";
import { Mesh } from "../sidecars/mesh.ts";
import { namedMeshPorts } from "../sidecars/mesh-ports.ts";
import type { MeshControl } from "../sidecars/requests.ts";
import { type Infrastructure, startInfrastructure } from "../stores/infrastructure.ts";
import { checkPortsAreFree, namedStorePorts, servicePorts } from "../stores/ports.ts";
import { findPrograms } from "../stores/programs.ts";
import { rotateLogs } from "../supervisor/log-rotation.ts";
import { RunRecord, stopLeftovers } from "../supervisor/run-record.ts";
import { type ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";
import { DetachedLoad } from "./detached-load.ts";
import { EventReconciler } from "./event-reconciler.ts";
import { serviceProcess } from "./service-process.ts";
import type { ShopOptions } from "./shop-options.ts";
import { ShopProcesses } from "./shop-processes.ts";
import type { ShopState } from "./shop-status.ts";

const READY_TIMEOUT_MS = 60_000;

/** Starts the parts of a shop in order, and stops them in order. */
export class ShopLifecycle {
  readonly processes = new ShopProcesses(() => this.mesh);
  readonly load: DetachedLoad;
  state: ShopState = "starting";
  /** Absent in a shop without sidecars. */
  mesh: Mesh | undefined;
  /** Absent until they run. */
  stores: Infrastructure | undefined;
  /** Absent until the streams are there. */
  events: EventReconciler | undefined;
  meshControl: MeshControl = noMeshControl();
  readonly programs: Programs;
  readonly #installation: Installation;
  readonly #services: ServiceManifest[];
  readonly #options: ShopOptions;
  readonly #afterStop: () => Promise<void>;
  readonly #record: RunRecord;
  readonly #abort = new AbortController();
  readonly #logs = new AbortController();
  #stopping: Promise<void> | undefined;

  /** @param afterStop done once nothing runs any more, whoever had it stopped */
  constructor(
    installation: Installation,
    services: ServiceManifest[],
    options: ShopOptions,
    afterStop: () => Promise<void>,
  ) {
    this.#installation = installation;
    this.#services = services;
    this.#options = options;
    this.#afterStop = afterStop;
    this.#record = new RunRecord(installation.stateDir);
    this.programs = new Programs(installation.stateDir, options.bundled ?? false, (text) => this.#report(text));
    this.load = new DetachedLoad(installation, this.processes, (spec) => this.#supervise(spec));
    options.signal?.addEventListener("abort", () => this.#abort.abort(), { once: true });
    if (options.signal?.aborted) this.#abort.abort();
  }

  get infrastructure(): Infrastructure {
    if (!this.stores) throw new RowError("The stores of this shop are not running yet");
    return this.stores;
  }

  /** Resolves when everything serves. */
  async start(): Promise<void> {
    const installation = this.#installation;
    const services = this.#services;
    void rotateLogs(join(installation.stateDir, "logs"), this.#logs.signal, {
      isInUse: (name) => this.state !== "ready" || this.#writes(name),
    });
    const leftovers = await stopLeftovers(installation.stateDir);
    for (const name of leftovers) this.#report(`stopped ${name}, left over from an earlier run`);
    const meshed = this.#options.mesh === false ? [] : services.filter(isMeshed);
    const mesh = meshed.length > 0 ? await this.#newMesh(meshed) : undefined;
    await checkPortsAreFree(
      new Map([
        ...namedStorePorts(installation, services),
        ...servicePorts(installation, services),
        ...(mesh ? namedMeshPorts(installation, meshed) : []),
      ]),
    );
    // Sidecars, and versions that run another checkout, are made ready meanwhile.
    await Promise.all([this.programs.prepare(installation.root), mesh?.prepare()]);
    this.#abort.signal.throwIfAborted();
    // They need nothing of the stores, which take longest.
    mesh?.startSidecars();
    this.stores = await startInfrastructure({
      ...this.#options,
      ...installation,
      services: services.map(({ name }) => name),
      record: this.#record,
      processes: this.processes.all,
      signal: this.#abort.signal,
      onChange: (process, note) => this.#changed(process, note),
    });
    await provision(this.stores);
    if (mesh) await provideEvents(this.stores, mesh.instances);
    this.#report("databases, streams and consumers are in place");
    this.events = new EventReconciler(
      this.stores,
      () => this.mesh?.instances,
      (text) => this.#report(text),
    );
    this.events.start();
    await Promise.all([this.#startServices(this.stores), this.#seed(this.stores)]);
    this.#abort.signal.throwIfAborted();
    await this.#endExperiments();
    this.state = "ready";
  }

  /** Stops everything that was started: the edge, the services, what stands for the outside world, the stores. */
  stop(): Promise<void> {
    this.#stopping ??= Promise.resolve().then(() => this.#stop());
    return this.#stopping;
  }

  /** Whether a log of this name is one of this shop's: the supervisor's own, a seed's or a process's. */
  #writes(name: string): boolean {
    const isSeed = this.#services.some((service) => name === `${service.name}-seed`);
    return name === "row" || isSeed || this.processes.all.some(({ spec }) => basename(spec.logFile, ".log") === name);
  }

  async #newMesh(services: ServiceManifest[]): Promise<Mesh> {
    const installation = this.#installation;
    const { haproxy: program } = await findPrograms(["haproxy"], this.#options.programs);
    this.mesh = new Mesh({
      installation,
      programs: this.programs,
      program,
      services,
      all: discoverServices(installation.root),
      settings: this.#options,
      certificateLifetimeMs: this.#options.certificateLifetimeMs,
      supervise: (spec) => this.#supervise(spec),
      forget: (process) => this.processes.forget(process),
      report: (text) => this.#report(text),
    });
    this.meshControl = meshControl(this.mesh, () => this.infrastructure);
    return this.mesh;
  }

  #supervise(spec: ProcessSpec): SupervisedProcess {
    const process = new SupervisedProcess(spec, this.#record, (process, note) => this.#changed(process, note));
    this.processes.all.push(process);
    return process;
  }

  async #startServices({ secrets }: Infrastructure): Promise<void> {
    this.#abort.signal.throwIfAborted();
    const all = discoverServices(this.#installation.root);
    const direct = this.#services.filter((service) => !isMeshed(service) || !this.mesh);
    const processes = direct.map((service) =>
      this.#supervise(serviceProcess(service, all, this.#installation, secrets, this.#options, this.programs)),
    );
    this.#abort.signal.addEventListener("abort", () => void this.stop(), { once: true });
    for (const process of processes) process.start();
    await Promise.all([
      ...processes.map((process) => process.whenReady(READY_TIMEOUT_MS)),
      this.mesh?.startApps(secrets),
    ]);
  }

  async #seed(infrastructure: Infrastructure): Promise<void> {
    const seeded = await seedServices(infrastructure, this.#abort.signal);
    if (seeded.length > 0) this.#report(`demo data of ${seeded.join(", ")} is in place`);
  }

  /** What experiments left whose runner is gone: nobody else brings back the weights of before. */
  async #endExperiments(): Promise<void> {
    const { stateDir } = this.#installation;
    if (leftRuns(stateDir).length === 0) return;
    // All of the judge, which few starts need.
    const { bringBackLeftovers } = await import("../experiments/leftovers.ts");
    await bringBackLeftovers(
      stateDir,
      (verb, request) => this.meshControl[verb](request),
      (text) => this.#report(text),
    );
  }

  async #stop(): Promise<void> {
    this.state = "stopping";
    this.mesh?.refuseStarts();
    this.#abort.abort();
    this.processes.pauses.resumeAll();
    await this.load.stop();
    const kinds = new Map(this.#services.map(({ name, kind }) => [name, kind]));
    const later = new Set([...(this.stores?.processes ?? []), ...(this.mesh?.helpers ?? [])]);
    const services = this.processes.all.filter((process) => !later.has(process));
    const isWayIn = ({ spec }: SupervisedProcess) => ["gateway", "web"].includes(kinds.get(spec.service) ?? "");
    const isOutside = ({ spec }: SupervisedProcess) => kinds.get(spec.service) === "outside";
    const stopAll = (group: SupervisedProcess[]) => Promise.all(group.map((process) => process.stop()));
    await stopAll(services.filter(isWayIn));
    await stopAll(services.filter((process) => !isWayIn(process) && !isOutside(process)));
    // What a service still had to say went through its sidecar.
    await this.mesh?.stop();
    await stopAll(services.filter(isOutside));
    await this.events?.stop();
    await this.stores?.stop();
    this.#logs.abort();
    this.state = "stopped";
    await this.#afterStop();
  }

  #changed(process: SupervisedProcess, note: string): void {
    if (this.state === "stopping") return;
    if (process.spec.endsByItself && process.state === "stopped") this.load.ended(process);
    this.mesh?.noticed(process);
    if (this.processes.isSidecar(process) && process.state === "ready") return;
    this.#report(`${process.spec.name} ${note}`);
  }

  #report(text: string): void {
    this.#options.report?.(this.processes.progress(text, this.#services.length));
  }
}
