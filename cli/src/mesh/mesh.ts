import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Resource } from "@row/mesh/resources/resource.ts";
import type { MeshView, Workload } from "@row/mesh/workload.ts";
import { namedStorePorts, servicePorts } from "../infra/ports.ts";
import { type Installation, realPort } from "../installation.ts";
import { messageOf, RowError } from "../row-error.ts";
import type { Secrets } from "../secrets.ts";
import { discoverServices, type ServiceManifest } from "../service-manifest.ts";
import { calleesOf, type Settings, serviceProcess } from "../service-process.ts";
import type { ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";
import { Certificates } from "./certificates.ts";
import { type Deployment, Deployments, FIRST_VERSION } from "./deployments.ts";
import { fewAtOnce } from "./few-at-once.ts";
import { type Instance, instanceName, MeshFolders, newInstance, toolboxWorkload } from "./instances.ts";
import { firstInboundPort, type MeshPorts, meshPorts, namedMeshPorts, PortPool } from "./mesh-ports.ts";
import { meshedPlace } from "./meshed-place.ts";
import { observerProcess, writeSidecarsFile } from "./observer.ts";
import { type Plan, ResourceStore } from "./resource-store.ts";
import { Sidecar } from "./sidecar.ts";
import { makeSocketFolder, socketFolder } from "./socket-folder.ts";

/** The shop around a mesh. */
export interface MeshHost {
  readonly installation: Installation;
  /** HAProxy. */
  readonly program: string;
  /** The services that run behind sidecars. */
  readonly services: ServiceManifest[];
  /** Every service there is. */
  readonly all: ServiceManifest[];
  readonly settings: Settings;
  /** 24 hours when absent. */
  readonly certificateLifetimeMs?: number;
  /** Makes a process part of the shop; it is not started yet. */
  supervise(spec: ProcessSpec): SupervisedProcess;
  forget(process: SupervisedProcess): void;
  report(text: string): void;
}

/** A running instance. */
export interface Member {
  readonly instance: Instance;
  readonly sidecar: Sidecar;
  /** Once it was started. */
  app?: SupervisedProcess;
  /** It gets no new calls: until it has been started anew, or any more. */
  leaving?: "for a moment" | "for good";
  /** How many readiness probes in a row it has failed. */
  failedProbes: number;
}

const PROBE_EVERY_MS = 1_000;
/** As many as a kubelet waits for: one that is slow for a moment is not out of order. */
const FAILED_PROBES = 3;
const START_MS = 60_000;
const DRAIN_MS = 5_000;
const DRAIN_POLL_MS = 25;

/** The instances of a shop, their sidecars, and the resources that say how calls go between them. */
export class Mesh {
  readonly host: MeshHost;
  readonly ports: MeshPorts;
  readonly deployments: Deployments;
  readonly #folders: MeshFolders;
  readonly #pool: PortPool;
  readonly #certificates: Certificates;
  readonly #members = new Map<string, Member>();
  #toolbox: { workload: Workload; sidecar: Sidecar } | undefined;
  #observer: SupervisedProcess | undefined;
  #store: ResourceStore | undefined;
  #secrets: Secrets | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #probes: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(host: MeshHost) {
    this.host = host;
    const { installation, services, all } = host;
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
    this.deployments = new Deployments(join(this.#folders.root, "deployments.json"));
    const taken = [
      namedStorePorts(installation),
      servicePorts(installation, all),
      namedMeshPorts(installation, services),
    ];
    this.#pool = new PortPool(
      installation,
      taken.flatMap((ports) => [...ports.keys()]),
    );
    this.#certificates = new Certificates({
      folder: this.#folders.identity,
      lifetimeMs: host.certificateLifetimeMs,
      replace: async (instance, pem) => this.#sidecarOf(instance)?.useCertificate(pem),
      report: (text) => host.report(text),
    });
  }

  get store(): ResourceStore {
    if (!this.#store) throw new RowError("The mesh is not running yet");
    return this.#store;
  }

  get members(): Member[] {
    return [...this.#members.values()];
  }

  membersOf(service: string, version?: string): Member[] {
    return this.members.filter(
      ({ instance: { deployment } }) =>
        deployment.service === service && (version === undefined || deployment.version === version),
    );
  }

  /** Makes everything that sidecars start with: certificates, and configurations from the resources. */
  async prepare(): Promise<void> {
    const { installation, services } = this.host;
    makeSocketFolder(this.#folders.sockets);
    rmSync(join(this.#folders.root, "sidecars"), { recursive: true, force: true });
    await this.#certificates.open();
    const since = statSync(this.#folders.root).birthtime;
    this.#store = new ResourceStore(installation.root, join(this.#folders.root, "resources.json"), since);
    const callable = services.filter(({ grpcPort }) => grpcPort === undefined).map(({ name }) => name);
    const workload = toolboxWorkload(callable, this.#folders, this.ports);
    await this.#certificates.issueFor(workload);
    // Nothing but a sidecar, so that bears its name.
    const addresses = { calls: `127.0.0.1:${this.ports.anyService}` };
    const named = { name: workload.instance, service: workload.service, addresses };
    this.#toolbox = { workload, sidecar: this.#sidecarFor(workload, named) };
    for (const deployment of this.deployments.of(services.map(({ name }) => name))) {
      try {
        await this.addInstances(deployment);
      } catch (error) {
        if (deployment.version === FIRST_VERSION) throw error;
        this.host.report(`${deployment.service} ${deployment.version} is not started: ${messageOf(error)}`);
      }
    }
    this.#wantAtStart(this.#store);
  }

  /** Starts every sidecar and the observer. */
  startSidecars(): void {
    const spec = observerProcess(this.host.installation.stateDir, this.#folders, this.ports);
    if (spec) this.#observer = this.host.supervise(spec);
    this.#observer?.start();
    for (const { process } of this.#sidecars) process.start();
  }

  /** Starts every app; resolves when all of them, and all sidecars, serve. */
  async startApps(secrets: Secrets): Promise<void> {
    this.#secrets = secrets;
    await Promise.all(
      this.members.map((member) =>
        this.#startApp(member).catch((error) => {
          // A version that somebody tries out may be broken; the shop runs without it.
          if (member.instance.deployment.version === FIRST_VERSION) throw error;
          this.host.report(messageOf(error));
        }),
      ),
    );
    await Promise.all(this.helpers.map((process) => process.whenReady(START_MS)));
    await this.pushReadiness();
    this.#probes = setInterval(() => void this.#probe(), PROBE_EVERY_MS).unref();
  }

  /** Makes the instances that a deployment lacks, with their sidecars; nothing is started. */
  async addInstances(deployment: Deployment): Promise<Member[]> {
    const { installation, services, all } = this.host;
    const isFirst = (number: number) => deployment.version === FIRST_VERSION && number === 1;
    const known = deployment.from === undefined ? all : discoverServices(deployment.from);
    const service = (deployment.from === undefined ? services : known).find(({ name }) => name === deployment.service);
    if (!service?.adminPort) throw new RowError(`Cannot find the service ${deployment.service} in ${deployment.from}`);
    const calls = calleesOf(service, known).filter(({ outside }) => !outside);
    const added: Member[] = [];
    for (let number = 1; number <= deployment.replicas; number += 1) {
      if (this.#members.has(instanceName(deployment, number))) continue;
      const isCalled = service.grpcPort === undefined;
      const ports = isFirst(number)
        ? {
            admin: realPort(installation, service.adminPort),
            ...(isCalled ? { inbound: firstInboundPort(installation, service) } : {}),
          }
        : { admin: await this.#pool.take("admin"), inbound: await this.#pool.take("inbound") };
      const names = calls.map(({ name }) => name);
      const instance = newInstance(deployment, number, service, names, ports, this.#folders, this.ports);
      await this.#certificates.issueFor(instance.workload);
      const member: Member = { instance, sidecar: this.#sidecarFor(instance.workload), failedProbes: 0 };
      this.#members.set(instance.workload.instance, member);
      added.push(member);
    }
    return added;
  }

  /** Starts instances that were added, and resolves when they serve and whoever calls them knows. */
  async start(members: Member[]): Promise<void> {
    if (this.#isStopping) throw new RowError("The shop is stopping");
    for (const { sidecar } of members) sidecar.process.start();
    await Promise.all(members.map((member) => this.#startApp(member)));
    await Promise.all(members.map(({ sidecar }) => sidecar.sync()));
    await this.pushReadiness();
  }

  /** From now on nothing is started. */
  refuseStarts(): void {
    this.#isStopping = true;
  }

  async #startApp(member: Member): Promise<void> {
    const { installation, all, settings } = this.host;
    const { service, workload, deployment } = member.instance;
    if (!this.#secrets) throw new Error("Apps are started after the stores");
    const known = deployment.from === undefined ? all : discoverServices(deployment.from);
    const place = meshedPlace(member.instance, installation, this.ports);
    const spec = serviceProcess(service, known, installation, this.#secrets, settings, place);
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

  /** Takes an instance out of every caller's endpoints, and lets the calls that it has come to an end. */
  async drain(member: Member): Promise<void> {
    member.leaving = "for good";
    await this.pushReadiness();
    const end = Date.now() + DRAIN_MS;
    do await sleep(DRAIN_POLL_MS);
    while ((await member.sidecar.callsInFlight().catch(() => 0)) > 0 && Date.now() < end);
  }

  /** Stops instances that get no calls any more, and takes them out of every configuration. */
  async remove(members: Member[]): Promise<void> {
    await Promise.all(members.map(({ app }) => app?.stop()));
    for (const { instance } of members) this.#members.delete(instance.workload.instance);
    await this.enforce();
    await Promise.all(members.map(({ sidecar }) => sidecar.process.stop()));
    for (const { instance, sidecar, app } of members) {
      const { workload, adminPort } = instance;
      this.#certificates.forget(workload.instance);
      this.host.forget(sidecar.process);
      if (app) this.host.forget(app);
      this.#pool.release(adminPort, workload.inboundPort);
      for (const path of [workload.sidecar.folder, join(workload.sidecar.statsSocket, "..")])
        rmSync(path, { recursive: true, force: true });
      rmSync(workload.sidecar.certificate, { force: true });
    }
  }

  /** Makes every sidecar do what the resources say, or none: with a plan, what they would say, which is then kept. */
  enforce(plan?: Plan): Promise<void> {
    const done = this.#queue.then(async () => {
      const view = this.#view(plan?.resources ?? this.store.resources);
      const wanted = this.#sidecars.map((sidecar) => [sidecar, sidecar.wantedIn(view)] as const);
      await fewAtOnce(wanted, ([sidecar, one]) => sidecar.check(one));
      if (plan) this.store.commit(plan);
      for (const [sidecar, one] of wanted) sidecar.want(one);
      writeSidecarsFile(view, this.#folders);
      await fewAtOnce(wanted, ([sidecar]) => sidecar.sync());
    });
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Called when a process of the shop starts to serve or ends. */
  noticed(process: SupervisedProcess): void {
    const member = this.members.find(({ app }) => app === process);
    if (member && process.state === "ready") {
      member.failedProbes = 0;
      if (member.leaving === "for a moment") delete member.leaving;
    }
    const isOurs = member !== undefined || this.#sidecars.some((sidecar) => sidecar.process === process);
    if (isOurs && this.#store) this.pushReadiness().catch((error) => this.host.report(messageOf(error)));
  }

  /** Tells every sidecar, and the observer, who may be called now. */
  async pushReadiness(): Promise<void> {
    writeSidecarsFile(this.#view(this.store.resources), this.#folders);
    // One that is down has it when it comes back.
    await Promise.all(
      this.#sidecars.filter(({ process }) => process.state === "ready").map((sidecar) => sidecar.sync()),
    );
  }

  /** Before an app is stopped or restarted on purpose: nobody is to call it meanwhile. */
  async leave(process: SupervisedProcess): Promise<void> {
    const member = this.members.find(({ app }) => app === process);
    if (!member) return;
    member.leaving ??= "for a moment";
    await this.pushReadiness();
  }

  /** Stops sidecars and the observer; the apps have been stopped before. */
  async stop(): Promise<void> {
    clearInterval(this.#probes);
    this.#certificates.stop();
    await this.#queue;
    await Promise.all(this.helpers.map((process) => process.stop()));
    rmSync(this.#folders.sockets, { recursive: true, force: true });
  }

  /** Everything that runs besides the apps. */
  get helpers(): SupervisedProcess[] {
    return [...this.#sidecars.map(({ process }) => process), ...(this.#observer ? [this.#observer] : [])];
  }

  /** The toolbox is one too, but stands for itself. */
  isSidecar(process: SupervisedProcess): boolean {
    return this.members.some(({ sidecar }) => sidecar.process === process);
  }

  /** The sidecar of an app. */
  sidecarOf(process: SupervisedProcess): SupervisedProcess | undefined {
    return this.members.find(({ app }) => app === process)?.sidecar.process;
  }

  get #sidecars(): Sidecar[] {
    const own = this.members.map(({ sidecar }) => sidecar);
    return this.#toolbox ? [...own, this.#toolbox.sidecar] : own;
  }

  #sidecarOf(instance: string): Sidecar | undefined {
    return this.#sidecars.find((sidecar) => sidecar.instance === instance);
  }

  #sidecarFor(
    workload: Pick<Workload, "instance" | "service" | "version" | "sidecar">,
    named?: Pick<ProcessSpec, "name" | "service" | "addresses">,
  ): Sidecar {
    const { installation, program } = this.host;
    return new Sidecar(
      workload,
      program,
      installation.stateDir,
      (instance) => this.#isReady(instance),
      (spec) => this.host.supervise(spec),
      named,
    );
  }

  #isReady(instance: string): boolean {
    const member = this.#members.get(instance);
    if (!member || member.leaving) return false;
    const isUp = member.app?.state === "ready" && member.sidecar.process.state === "ready";
    return isUp && member.failedProbes < FAILED_PROBES;
  }

  #view(resources: readonly Resource[]): MeshView {
    const withPort = new Set<string>();
    const workloads = this.members.map(({ instance: { workload, service } }) => {
      // People call one instance of each service: the first.
      const isFirst = !withPort.has(service.name);
      withPort.add(service.name);
      return {
        ...workload,
        isReady: this.#isReady(workload.instance),
        laptopPorts: isFirst ? this.#laptopPorts(service.name) : [],
      };
    });
    return { resources, workloads: this.#toolbox ? [...workloads, this.#toolbox.workload] : workloads };
  }

  #laptopPorts(name: string): number[] {
    const { installation, services } = this.host;
    const service = services.find((one) => one.name === name);
    return [service?.port, service?.grpcPort].flatMap((port) =>
      port === undefined ? [] : realPort(installation, port),
    );
  }

  #wantAtStart(store: ResourceStore): void {
    try {
      this.#wantAll(store.resources);
    } catch (error) {
      if (!store.isChanged) throw new RowError(messageOf(error));
      // What was applied to an older state of the repository must not keep the shop from starting.
      const aside = store.setAside();
      this.host.report(`what was applied earlier is set aside in ${aside}: ${messageOf(error)}`);
      this.#wantAll(store.resources);
    }
  }

  #wantAll(resources: readonly Resource[]): void {
    const view = this.#view(resources);
    const wanted = this.#sidecars.map((sidecar) => [sidecar, sidecar.wantedIn(view)] as const);
    for (const [sidecar, one] of wanted) sidecar.want(one);
    writeSidecarsFile(view, this.#folders);
  }

  async #probe(): Promise<void> {
    const changed = await Promise.all(
      this.members.map(async (member) => {
        const { app, failedProbes } = member;
        if (app?.state !== "ready") return false;
        member.failedProbes = (await app.spec.isReady().catch(() => false)) ? 0 : failedProbes + 1;
        return member.failedProbes === FAILED_PROBES || (member.failedProbes === 0 && failedProbes >= FAILED_PROBES);
      }),
    );
    if (changed.includes(true)) await this.pushReadiness().catch((error) => this.host.report(messageOf(error)));
  }
}
