import { messageOf, RowError } from "@row/topology/row-error.ts";
import { discoverServices, type ServiceManifest, selectServices } from "@row/topology/service-manifest.ts";
import { type Installation, installationAt } from "../installation.ts";
import type { MeshControl } from "../sidecars/requests.ts";
import { allSharesOfNobody } from "../sidecars/shares-of-nobody.ts";
import { prepareStateDir } from "../state-dir.ts";
import { type Infrastructure, removeState } from "../stores/infrastructure.ts";
import { serveControl } from "../supervisor/control-server.ts";
import { takeLock } from "../supervisor/lock.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";
import { readBacklogs, stuckIn } from "./backlogs.ts";
import type { DetachedLoad } from "./detached-load.ts";
import { ShopLifecycle } from "./shop-lifecycle.ts";
import type { ShopOptions } from "./shop-options.ts";
import { describe, type ProcessInfo } from "./shop-processes.ts";
import { problemsOf, type ShopStatus } from "./shop-status.ts";

const READY_TIMEOUT_MS = 60_000;

/**
 * Starts a whole shop: stores, databases, streams, seeds, every service and the edge; resolves when all of it serves.
 * Shops with other port bases and state folders run side by side.
 */
export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const installation = installationAt(options);
  const services = selectServices(discoverServices(installation.root), options.services);
  prepareStateDir(installation.stateDir);
  const lock = takeLock(installation.stateDir, installation.portBase);
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
  readonly #lifecycle: ShopLifecycle;
  #closeControl: (() => Promise<void>) | undefined;

  constructor(installation: Installation, services: ServiceManifest[], options: ShopOptions, releaseLock: () => void) {
    this.installation = installation;
    this.services = services;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.whenStopped = promise;
    this.#lifecycle = new ShopLifecycle(installation, services, options, async () => {
      await this.#closeControl?.();
      releaseLock();
      resolve();
    });
  }

  async start(): Promise<void> {
    this.#closeControl = await serveControl(this.installation.stateDir, this);
    await this.#lifecycle.start();
  }

  /** Stops everything in order: the edge, the services, what stands for the outside world, the stores. */
  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  /** Stops, and deletes the state folder and Postgres's files. */
  async destroy(): Promise<void> {
    await this.stop();
    removeState(this.installation.stateDir);
  }

  /** The stores, with connection strings and the secrets of this installation. */
  get infrastructure(): Infrastructure {
    return this.#lifecycle.infrastructure;
  }

  /** What the mesh can be asked, by this process and through the control socket. */
  get meshControl(): MeshControl {
    return this.#lifecycle.meshControl;
  }

  /** The load that this shop makes on itself. */
  get load(): DetachedLoad {
    return this.#lifecycle.load;
  }

  get processes(): ProcessInfo[] {
    return this.#lifecycle.processes.all.map(describe);
  }

  process(name: string): ProcessInfo {
    return describe(this.#lifecycle.processes.find(name));
  }

  /** The names of the processes that a name means: one, or every instance of a service. */
  instances(name: string): string[] {
    this.#lifecycle.processes.find(name);
    return this.#named(name).map(({ spec }) => spec.name);
  }

  /** Sends a signal, SIGKILL unless told otherwise; what dies of it is started again. */
  kill(name: string, signal: NodeJS.Signals = "SIGKILL"): void {
    this.#lifecycle.processes.find(name).kill(signal);
  }

  /** Holds a process that runs, with everything that it has started, and lets it go on when the time is over. */
  pause(name: string, ms: number): void {
    const process = this.#lifecycle.processes.find(name);
    if (process.pid === undefined) throw new RowError(`Cannot pause ${name}: it is ${process.state}`);
    this.#lifecycle.processes.pauses.pause(process, ms);
  }

  /** Lets a process go on that is held. */
  unpause(name: string): void {
    this.#lifecycle.processes.pauses.resume(this.#lifecycle.processes.find(name));
  }

  /** Stops a process in an orderly way, starts it with the code as it is now and resolves when it serves again; of a service, one instance after the other. */
  async restart(name: string): Promise<void> {
    this.#lifecycle.processes.find(name);
    await this.#lifecycle.programs.refresh();
    for (const process of this.#named(name)) {
      this.#lifecycle.processes.pauses.resume(process);
      const { mesh } = this.#lifecycle;
      // Nobody else answers what comes there meanwhile.
      if (mesh && this.#isWayIn(process)) await mesh.replace(process);
      else {
        await mesh?.leave(process);
        await process.restart();
      }
      await this.#whenServing(process);
    }
  }

  #isWayIn({ spec }: SupervisedProcess): boolean {
    return this.services.some(({ name, kind }) => name === spec.service && kind === "gateway");
  }

  /** Stops a process and leaves it stopped until `resume`. */
  async halt(name: string): Promise<void> {
    const process = this.#lifecycle.processes.find(name);
    await this.#lifecycle.mesh?.leave(process);
    this.#lifecycle.processes.pauses.resume(process);
    await process.stop();
  }

  async resume(name: string): Promise<void> {
    await this.whenReady(name, () => this.#lifecycle.processes.find(name).start());
  }

  /** Resolves when the process serves, for example after it was killed. */
  async whenReady(name: string, first: () => void = () => {}): Promise<void> {
    first();
    await this.#whenServing(this.#lifecycle.processes.find(name));
  }

  #named(name: string): SupervisedProcess[] {
    return this.#lifecycle.processes.named(name);
  }

  async #whenServing(process: SupervisedProcess): Promise<void> {
    await process.whenReady(READY_TIMEOUT_MS);
    // Calls find it only when those who call it know.
    await this.#lifecycle.mesh?.reconciler.pushReadiness();
  }

  async status(): Promise<ShopStatus> {
    const { stateDir, portBase } = this.installation;
    const lifecycle = this.#lifecycle;
    const isReady = lifecycle.state === "ready";
    const [processes, differences, eventFaults, backlogs] = await Promise.all([
      lifecycle.processes.statuses(),
      isReady ? (lifecycle.mesh?.reconciler.differences() ?? []) : [],
      isReady
        ? (lifecycle.events
            ?.differences()
            .catch((error) => [`streams and consumers cannot be asked about: ${messageOf(error)}`]) ?? [])
        : [],
      lifecycle.stores && lifecycle.state !== "stopping" ? readBacklogs(lifecycle.stores) : null,
    ]);
    const problems = isReady
      ? [
          ...processes.flatMap(problemsOf),
          ...differences,
          ...eventFaults,
          ...(lifecycle.mesh ? allSharesOfNobody(lifecycle.mesh) : []),
          ...(backlogs ? stuckIn(backlogs) : []),
        ]
      : [];
    return {
      running: true,
      state: problems.length > 0 ? "degraded" : lifecycle.state,
      pid: process.pid,
      stateDir,
      portBase,
      mesh: lifecycle.mesh !== undefined,
      startedTime: this.startedTime.toISOString(),
      processes,
      problems,
      backlogs,
      injected: lifecycle.mesh?.behaviours.all() ?? [],
      partitions: lifecycle.mesh?.partitions.all() ?? [],
    };
  }
}
