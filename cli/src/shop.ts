import { readBacklogs } from "./backlogs.ts";
import { checkPortsAreFree, namedStorePorts, servicePorts } from "./infra/ports.ts";
import { findPrograms, type ProgramSearch } from "./infra/programs.ts";
import { type Infrastructure, removeState, startInfrastructure } from "./infrastructure.ts";
import { type Installation, installationAt } from "./installation.ts";
import { meshControl, noMeshControl } from "./mesh/control.ts";
import { Mesh } from "./mesh/mesh.ts";
import { namedMeshPorts } from "./mesh/mesh-ports.ts";
import type { MeshControl } from "./mesh/requests.ts";
import { provision, seedServices } from "./provision.ts";
import { RowError } from "./row-error.ts";
import { discoverServices, type ServiceManifest, selectServices } from "./service-manifest.ts";
import { type Settings, serviceProcess } from "./service-process.ts";
import { type ProcessStatus, type ShopState, type ShopStatus, statusOf } from "./shop-status.ts";
import { prepareStateDir } from "./state-dir.ts";
import { serveControl } from "./supervisor/control-server.ts";
import { takeLock } from "./supervisor/lock.ts";
import { RunRecord, stopLeftovers } from "./supervisor/run-record.ts";
import { type ProcessSpec, SupervisedProcess } from "./supervisor/supervised-process.ts";

export interface ShopOptions extends Partial<Installation>, Settings {
  /** The services to run; every one that is discovered when absent. */
  services?: string[];
  programs?: ProgramSearch;
  /** Whether services call each other through sidecars; they do unless told otherwise. */
  mesh?: boolean;
  /** How long the sidecars' certificates hold; 24 hours when absent. */
  certificateLifetimeMs?: number;
  report?: (progress: Progress) => void;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
}

/** One thing that happened, and how many of the processes serve. */
export interface Progress {
  text: string;
  ready: number;
  total: number;
  waitingFor: string[];
}

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

const READY_TIMEOUT_MS = 60_000;

/**
 * Starts a whole shop: stores, databases, streams, seeds, every service and the edge; resolves when all of it serves.
 * Shops with other port bases and state folders run side by side.
 */
export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const installation = installationAt(options);
  const services = selectServices(discoverServices(installation.root), options.services);
  prepareStateDir(installation.stateDir);
  const lock = takeLock(installation.stateDir);
  const shop = new Shop(installation, services, options, () => lock.release());
  try {
    await shop.start();
    return shop;
  } catch (error) {
    await shop.stop();
    throw options.signal?.aborted ? new RowError("Stopped before the shop was ready") : error;
  }
}

/** A running shop. Processes are named by service (`orders`, `postgres`) or by instance (`orders-v1-1`). */
export class Shop {
  readonly installation: Installation;
  readonly services: ServiceManifest[];
  readonly startedTime = new Date();
  readonly whenStopped: Promise<void>;
  readonly #options: ShopOptions;
  readonly #record: RunRecord;
  readonly #releaseLock: () => void;
  readonly #processes: SupervisedProcess[] = [];
  readonly #abort = new AbortController();
  #infrastructure: Infrastructure | undefined;
  #mesh: Mesh | undefined;
  /** What the mesh can be asked, by this process and through the control socket. */
  meshControl: MeshControl = noMeshControl();
  #state: ShopState = "starting";
  #closeControl: (() => Promise<void>) | undefined;
  #stopping: Promise<void> | undefined;
  #resolveStopped: () => void = () => {};

  constructor(installation: Installation, services: ServiceManifest[], options: ShopOptions, releaseLock: () => void) {
    this.installation = installation;
    this.services = services;
    this.#options = options;
    this.#releaseLock = releaseLock;
    this.#record = new RunRecord(installation.stateDir);
    this.whenStopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
    options.signal?.addEventListener("abort", () => this.#abort.abort(), { once: true });
    if (options.signal?.aborted) this.#abort.abort();
  }

  /** The stores, with connection strings and the secrets of this installation. */
  get infrastructure(): Infrastructure {
    if (!this.#infrastructure) throw new RowError("The stores of this shop are not running yet");
    return this.#infrastructure;
  }

  get processes(): ProcessInfo[] {
    return this.#processes.map(describe);
  }

  process(name: string): ProcessInfo {
    return describe(this.#find(name));
  }

  /** Sends a signal, SIGKILL unless told otherwise; what dies of it is started again. */
  kill(name: string, signal: NodeJS.Signals = "SIGKILL"): void {
    this.#find(name).kill(signal);
  }

  /** Stops a process in an orderly way, starts it and resolves when it serves again; of a service, one instance after the other. */
  async restart(name: string): Promise<void> {
    this.#find(name);
    for (const process of this.#processes.filter((process) => isNamed(process, name))) {
      await this.#mesh?.leave(process);
      await process.restart();
      await this.#whenServing(process);
    }
  }

  /** Stops a process and leaves it stopped until `resume`. */
  async halt(name: string): Promise<void> {
    const process = this.#find(name);
    await this.#mesh?.leave(process);
    await process.stop();
  }

  async resume(name: string): Promise<void> {
    await this.whenReady(name, () => this.#find(name).start());
  }

  /** Resolves when the process serves, for example after it was killed. */
  async whenReady(name: string, first: () => void = () => {}): Promise<void> {
    first();
    await this.#whenServing(this.#find(name));
  }

  async #whenServing(process: SupervisedProcess): Promise<void> {
    await process.whenReady(READY_TIMEOUT_MS);
    // Calls find it only when those who call it know.
    await this.#mesh?.pushReadiness();
  }

  async status(): Promise<ShopStatus> {
    const { stateDir, portBase } = this.installation;
    const [processes, backlogs] = await Promise.all([
      Promise.all(
        this.#processes.filter((process) => !this.#isSidecar(process)).map((process) => this.#statusOf(process)),
      ),
      this.#infrastructure && this.#state !== "stopping" ? readBacklogs(this.#infrastructure) : null,
    ]);
    const isAway = ({ state, sidecar }: ProcessStatus) => state !== "ready" || (sidecar && sidecar.state !== "ready");
    const degraded = this.#state === "ready" && processes.some(isAway);
    const state = degraded ? "degraded" : this.#state;
    return {
      running: true,
      state,
      pid: process.pid,
      stateDir,
      portBase,
      mesh: this.#mesh !== undefined,
      startedTime: this.startedTime.toISOString(),
      processes,
      backlogs,
    };
  }

  /** Stops everything in order: the edge, the services, what stands for the outside world, the stores. */
  stop(): Promise<void> {
    this.#stopping ??= Promise.resolve().then(() => this.#stop());
    return this.#stopping;
  }

  /** Stops, and deletes the state folder and Postgres's files. */
  async destroy(): Promise<void> {
    await this.stop();
    removeState(this.installation.stateDir);
  }

  async start(): Promise<void> {
    const { installation, services } = this;
    const { stateDir } = installation;
    this.#closeControl = await serveControl(stateDir, this);
    for (const name of await stopLeftovers(stateDir)) this.#report(`stopped ${name}, left over from an earlier run`);
    const meshed = this.#options.mesh === false ? [] : services.filter(({ outside }) => !outside);
    const mesh = meshed.length > 0 ? await this.#newMesh(meshed) : undefined;
    await checkPortsAreFree(
      new Map([
        ...namedStorePorts(installation),
        ...servicePorts(installation, services),
        ...(mesh ? namedMeshPorts(installation, meshed) : []),
      ]),
    );
    await mesh?.prepare();
    this.#abort.signal.throwIfAborted();
    // They need nothing of the stores, which take longest.
    mesh?.startSidecars();
    this.#infrastructure = await startInfrastructure({
      ...this.#options,
      ...installation,
      services: services.map(({ name }) => name),
      record: this.#record,
      processes: this.#processes,
      signal: this.#abort.signal,
      onChange: (process, note) => this.#changed(process, note),
    });
    await provision(this.#infrastructure);
    this.#report("databases, streams and consumers are in place");
    await Promise.all([this.#startServices(this.#infrastructure), this.#seed(this.#infrastructure)]);
    this.#abort.signal.throwIfAborted();
    this.#state = "ready";
  }

  async #newMesh(services: ServiceManifest[]): Promise<Mesh> {
    const { installation } = this;
    const { haproxy: program } = await findPrograms(this.#options.programs);
    this.#mesh = new Mesh({
      installation,
      program,
      services,
      all: discoverServices(installation.root),
      settings: this.#options,
      certificateLifetimeMs: this.#options.certificateLifetimeMs,
      supervise: (spec) => this.#supervise(spec),
      forget: (process) => this.#processes.splice(this.#processes.indexOf(process), 1),
      report: (text) => this.#report(text),
    });
    this.meshControl = meshControl(this.#mesh, () => this.infrastructure);
    return this.#mesh;
  }

  #supervise(spec: ProcessSpec): SupervisedProcess {
    const process = new SupervisedProcess(spec, this.#record, (process, note) => this.#changed(process, note));
    this.#processes.push(process);
    return process;
  }

  async #startServices({ secrets }: Infrastructure): Promise<void> {
    this.#abort.signal.throwIfAborted();
    const all = discoverServices(this.installation.root);
    const direct = this.services.filter(({ outside }) => outside || !this.#mesh);
    const processes = direct.map((service) =>
      this.#supervise(serviceProcess(service, all, this.installation, secrets, this.#options)),
    );
    this.#abort.signal.addEventListener("abort", () => void this.stop(), { once: true });
    for (const process of processes) process.start();
    await Promise.all([
      ...processes.map((process) => process.whenReady(READY_TIMEOUT_MS)),
      this.#mesh?.startApps(secrets),
    ]);
  }

  async #seed(infrastructure: Infrastructure): Promise<void> {
    const seeded = await seedServices(infrastructure, this.#abort.signal);
    if (seeded.length > 0) this.#report(`demo data of ${seeded.join(", ")} is in place`);
  }

  async #stop(): Promise<void> {
    this.#state = "stopping";
    this.#mesh?.refuseStarts();
    this.#abort.abort();
    const outside = new Set(this.services.filter((service) => service.outside).map(({ name }) => name));
    const later = new Set([...(this.#infrastructure?.processes ?? []), ...(this.#mesh?.helpers ?? [])]);
    const services = this.#processes.filter((process) => !later.has(process));
    const isEdge = ({ spec }: SupervisedProcess) => spec.service === "edge";
    const isOutside = ({ spec }: SupervisedProcess) => outside.has(spec.service);
    const stopAll = (group: SupervisedProcess[]) => Promise.all(group.map((process) => process.stop()));
    await stopAll(services.filter(isEdge));
    await stopAll(services.filter((process) => !isEdge(process) && !isOutside(process)));
    // What a service still had to say went through its sidecar.
    await this.#mesh?.stop();
    await stopAll(services.filter(isOutside));
    await this.#infrastructure?.stop();
    this.#state = "stopped";
    await this.#closeControl?.();
    this.#releaseLock();
    this.#resolveStopped();
  }

  #find(name: string): SupervisedProcess {
    const found = this.#processes.find((process) => isNamed(process, name));
    if (found) return found;
    const known = this.#processes.filter((process) => !this.#isSidecar(process)).map(({ spec }) => spec.service);
    throw new RowError(`Unknown process ${name}: there are ${[...new Set(known)].join(", ")}`);
  }

  #changed(process: SupervisedProcess, note: string): void {
    if (this.#state === "stopping") return;
    this.#mesh?.noticed(process);
    if (this.#isSidecar(process) && process.state === "ready") return;
    this.#report(`${process.spec.name} ${note}`);
  }

  #isSidecar(process: SupervisedProcess): boolean {
    return this.#mesh?.isSidecar(process) ?? false;
  }

  #statusOf(process: SupervisedProcess): Promise<ProcessStatus> {
    return statusOf(process, this.#mesh?.sidecarOf(process));
  }

  #report(text: string): void {
    const shown = this.#processes.filter((process) => !this.#isSidecar(process));
    const waitingFor = shown.filter(({ state }) => state !== "ready").map(({ spec }) => spec.service);
    const total = Math.max(this.services.length + STORES, shown.length);
    this.#options.report?.({ text, ready: shown.length - waitingFor.length, total, waitingFor });
  }
}

const STORES = 4;

function isNamed({ spec }: SupervisedProcess, name: string): boolean {
  return spec.name === name || spec.service === name;
}

function describe({ spec, pid, state, restarts }: SupervisedProcess): ProcessInfo {
  const { service, name, version, addresses, env, logFile } = spec;
  const address = Object.values(addresses)[0] ?? "";
  return { name: service, instance: name, version, pid, state, restarts, address, addresses, env, logFile };
}
