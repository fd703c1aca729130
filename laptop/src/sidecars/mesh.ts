import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import type { Secrets } from "../secrets.ts";
import { serviceProcess } from "../shop/service-process.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";
import { Behaviours } from "./behaviours.ts";
import { Deployments } from "./deployments.ts";
import { meshedEndpoint } from "./endpoint.ts";
import { MeshFolders } from "./instance.ts";
import { InstanceFactory } from "./instance-factory.ts";
import { Instances, type RunningInstance } from "./instances.ts";
import type { MeshHost } from "./mesh-host.ts";
import { type MeshPorts, meshPorts } from "./mesh-ports.ts";
import { observerProcess } from "./observer.ts";
import { Partitions } from "./partitions.ts";
import { Reconciler } from "./reconciler.ts";
import { ResourceStore } from "./resource-store.ts";
import { makeSocketFolder, socketFolder } from "./socket-folder.ts";

const START_MS = 60_000;
const DRAIN_MS = 5_000;
const DRAIN_POLL_MS = 25;

/** The instances of a shop with their sidecars: how they start, come, go and stop. */
export class Mesh {
  readonly host: MeshHost;
  readonly ports: MeshPorts;
  readonly deployments: Deployments;
  readonly behaviours: Behaviours;
  readonly instances = new Instances();
  readonly partitions = new Partitions();
  readonly reconciler: Reconciler;
  readonly factory: InstanceFactory;
  readonly #folders: MeshFolders;
  #observer: SupervisedProcess | undefined;
  #secrets: Secrets | undefined;
  #isStopping = false;

  constructor(host: MeshHost) {
    this.host = host;
    const { installation, all } = host;
    const { stateDir } = installation;
    this.ports = meshPorts(installation);
    this.#folders = new MeshFolders(
      stateDir,
      socketFolder(
        stateDir,
        all.map(({ name }) => name),
      ),
    );
    mkdirSync(this.#folders.root, { recursive: true, mode: 0o700 });
    this.reconciler = new Reconciler(host, this.#folders, this.instances);
    this.deployments = new Deployments(join(this.#folders.root, "deployments.json"));
    this.behaviours = new Behaviours(join(this.#folders.root, "behaviours"));
    this.factory = new InstanceFactory(
      host,
      this.#folders,
      this.ports,
      this.instances,
      this.reconciler,
      this.partitions,
    );
  }

  /** Makes everything that sidecars start with: certificates, and configurations from the resources. */
  async prepare(): Promise<void> {
    const { installation, services } = this.host;
    makeSocketFolder(this.#folders.sockets);
    await this.factory.open();
    const since = statSync(this.#folders.root).birthtime;
    const store = new ResourceStore(installation.root, join(this.#folders.root, "resources.json"), since);
    const toolbox = await this.factory.newToolbox();
    for (const deployment of this.deployments.of(services.map(({ name }) => name))) {
      try {
        await this.factory.create(deployment);
      } catch (error) {
        if (deployment.version === FIRST_VERSION) throw error;
        this.host.report(`${deployment.service} ${deployment.version} is not started: ${messageOf(error)}`);
      }
    }
    this.reconciler.begin(store, toolbox);
  }

  /** Starts every sidecar and the observer. */
  startSidecars(): void {
    const spec = observerProcess(this.host, this.#folders, this.ports);
    if (spec) this.#observer = this.host.supervise(spec);
    this.#observer?.start();
    for (const { process } of this.reconciler.sidecars) process.start();
  }

  /** Starts every app; resolves when all of them, and all sidecars, serve. */
  async startApps(secrets: Secrets): Promise<void> {
    this.#secrets = secrets;
    await Promise.all(
      this.instances.all.map((member) =>
        this.#startApp(member).catch((error) => {
          // A version that somebody tries out may be broken; the shop runs without it.
          if (member.instance.deployment.version === FIRST_VERSION) throw error;
          this.host.report(messageOf(error));
        }),
      ),
    );
    await Promise.all(this.helpers.map((process) => process.whenReady(START_MS)));
    await this.reconciler.pushReadiness();
    this.instances.startProbing(() => this.reconciler.pushReadinessSoon());
    this.reconciler.startReconciling();
  }

  /** Starts instances that were added, and resolves when they serve and whoever calls them knows. */
  async start(members: RunningInstance[]): Promise<void> {
    if (this.#isStopping) throw new RowError("The shop is stopping");
    for (const { sidecar } of members) sidecar.process.start();
    await Promise.all(members.map((member) => this.#startApp(member)));
    await Promise.all(members.map(({ sidecar }) => sidecar.sync()));
    await this.reconciler.pushReadiness();
  }

  /** Called when a process of the shop starts to serve or ends. */
  noticed(process: SupervisedProcess): void {
    const member = this.instances.withApp(process);
    if (member && process.state === "ready") this.instances.markReady(member);
    const isOurs = member !== undefined || this.reconciler.sidecars.some((sidecar) => sidecar.process === process);
    if (isOurs) this.reconciler.pushReadinessSoon();
  }

  /** Before an app is stopped or restarted on purpose: nobody is to call it meanwhile. */
  async leave(process: SupervisedProcess): Promise<void> {
    const member = this.instances.withApp(process);
    if (!member) return;
    member.leaving ??= "for a moment";
    await this.reconciler.pushReadiness();
  }

  /** Starts the app of a way in anew; it is given the sockets before the one that runs ends, so that nobody finds no one there. */
  async replace(process: SupervisedProcess): Promise<void> {
    const workload = this.instances.withApp(process)?.instance.workload;
    const sockets = [workload?.appSocket, workload?.httpSocket].flatMap((path) => path ?? []);
    const now = () => sockets.map((path) => statSync(path, { throwIfNoEntry: false })?.ino);
    const before = now();
    await process.replace(() => now().every((inode, index) => inode !== undefined && inode !== before[index]));
  }

  /** Takes an instance out of every caller's endpoints, and lets the calls that it has come to an end. */
  async drain(member: RunningInstance): Promise<void> {
    member.leaving = "for good";
    await this.reconciler.pushReadiness();
    const end = performance.now() + DRAIN_MS;
    do await sleep(DRAIN_POLL_MS);
    while ((await member.sidecar.callsInFlight().catch(() => 0)) > 0 && performance.now() < end);
  }

  /** Stops instances that get no calls any more, and takes them out of every configuration. */
  async remove(members: RunningInstance[]): Promise<void> {
    await Promise.all(members.map(({ app }) => app?.stop()));
    for (const member of members) this.instances.delete(member);
    await this.reconciler.apply();
    await Promise.all(members.map(({ sidecar }) => sidecar.process.stop()));
    for (const member of members) this.factory.dispose(member);
  }

  /** From now on nothing is started. */
  refuseStarts(): void {
    this.#isStopping = true;
  }

  /** Stops sidecars and the observer; the apps have been stopped before. */
  async stop(): Promise<void> {
    this.instances.stopProbing();
    this.factory.close();
    await this.reconciler.stopReconciling();
    await this.reconciler.settled();
    await Promise.all(this.helpers.map((process) => process.stop()));
    rmSync(this.#folders.sockets, { recursive: true, force: true });
  }

  /** Everything that runs besides the apps. */
  get helpers(): SupervisedProcess[] {
    return [...this.reconciler.sidecars.map(({ process }) => process), ...(this.#observer ? [this.#observer] : [])];
  }

  async #startApp(member: RunningInstance): Promise<void> {
    const { installation, all, settings, programs } = this.host;
    const { service, workload, deployment } = member.instance;
    if (!this.#secrets) throw new Error("Apps are started after the stores");
    const known = deployment.from === undefined ? all : discoverServices(deployment.from);
    const place = meshedEndpoint(member.instance, installation, this.ports, this.behaviours);
    const spec = serviceProcess(service, known, installation, this.#secrets, settings, programs, place);
    const sockets = [workload.appSocket, workload.httpSocket].flatMap((path) => path ?? []);
    // What an app that was killed leaves behind cannot be listened on.
    const prepare = () => {
      mkdirSync(join(workload.sidecar.statsSocket, ".."), { recursive: true, mode: 0o700 });
      for (const path of sockets) rmSync(path, { force: true });
    };
    member.app ??= this.host.supervise({ ...spec, prepare });
    member.app.start();
    await member.app.whenReady(START_MS);
  }
}
