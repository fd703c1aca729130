import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Workload } from "@row/mesh/haproxy/workload.ts";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { calleesOf } from "@row/topology/callees.ts";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices, isCallable, isMeshed, type MeshedService } from "@row/topology/service-manifest.ts";
import { realPort } from "../installation.ts";
import { namedStorePorts, servicePorts } from "../stores/ports.ts";
import type { ProcessSpec } from "../supervisor/supervised-process.ts";
import { BrokenEndpoints } from "./broken-endpoints.ts";
import { Certificates } from "./certificates.ts";
import { checkEvents } from "./checkout-events.ts";
import type { Deployment } from "./deployments.ts";
import { type InstancePorts, instanceName, type MeshFolders, newInstance, toolboxWorkload } from "./instance.ts";
import type { Instances, RunningInstance } from "./instances.ts";
import type { MeshHost } from "./mesh-host.ts";
import { firstInboundPort, type MeshPorts, namedMeshPorts, PortPool } from "./mesh-ports.ts";
import { observerFolder } from "./observer.ts";
import type { Partitions } from "./partitions.ts";
import type { Reconciler, Toolbox } from "./reconciler.ts";
import { Sidecar } from "./sidecar.ts";

/** Makes instances with what they need, which is ports, a certificate and a sidecar, and takes that back when they are gone. */
export class InstanceFactory {
  readonly #host: MeshHost;
  readonly #folders: MeshFolders;
  readonly #ports: MeshPorts;
  readonly #instances: Instances;
  readonly #pool: PortPool;
  readonly #certificates: Certificates;
  readonly #brokenEndpoints: BrokenEndpoints;
  readonly #partitions: Partitions;

  constructor(
    host: MeshHost,
    folders: MeshFolders,
    ports: MeshPorts,
    members: Instances,
    traffic: Reconciler,
    partitions: Partitions,
  ) {
    this.#partitions = partitions;
    this.#host = host;
    this.#folders = folders;
    this.#ports = ports;
    this.#instances = members;
    const { installation, services, all } = host;
    const taken = [
      namedStorePorts(installation, all),
      servicePorts(installation, all),
      namedMeshPorts(installation, services),
    ];
    this.#pool = new PortPool(
      installation,
      taken.flatMap((ports) => [...ports.keys()]),
    );
    this.#brokenEndpoints = new BrokenEndpoints(observerFolder(folders));
    this.#certificates = new Certificates({
      folder: folders.identity,
      lifetimeMs: host.certificateLifetimeMs,
      replace: async (instance) => traffic.sidecars.find((sidecar) => sidecar.instance === instance)?.sync(),
      report: (text) => host.report(text),
    });
  }

  /** Only while no sidecar runs. */
  async open(): Promise<void> {
    rmSync(join(this.#folders.root, "sidecars"), { recursive: true, force: true });
    await this.#certificates.open();
  }

  async newToolbox(): Promise<Toolbox> {
    const callable = this.#host.services.filter(isCallable).map(({ name }) => name);
    const wayIn = this.#host.services.find((service) => service.kind === "gateway");
    const describes = wayIn && `127.0.0.1:${realPort(this.#host.installation, wayIn.grpcPort)}`;
    const workload = toolboxWorkload(callable, this.#folders, this.#ports, describes);
    await this.#certificates.issueFor(workload);
    // Nothing but a sidecar, so that bears its name.
    const addresses = { calls: `127.0.0.1:${this.#ports.anyService}` };
    const named = { name: workload.instance, service: workload.service, addresses };
    return { workload, sidecar: this.#sidecarFor(workload, named) };
  }

  /** Makes the instances that a deployment lacks, with their sidecars; nothing is started. */
  async create(deployment: Deployment): Promise<RunningInstance[]> {
    const { installation, services, all } = this.#host;
    const known = deployment.from === undefined ? all : discoverServices(deployment.from);
    const service = (deployment.from === undefined ? services : known).find(({ name }) => name === deployment.service);
    if (!service || !isMeshed(service))
      throw new RowError(`Cannot find the service ${deployment.service} in ${deployment.from}`);
    if (deployment.from !== undefined) {
      checkEvents(service, deployment.from, installation.root);
      await this.#host.programs.prepare(deployment.from);
    }
    const calls = calleesOf(service, known).filter(isMeshed);
    const names = calls.map(({ name }) => name);
    const added: RunningInstance[] = [];
    try {
      for (let number = 1; number <= deployment.replicas; number += 1) {
        if (this.#instances.has(instanceName(deployment, number))) continue;
        added.push(await this.#createOne(deployment, number, service, names));
      }
    } catch (error) {
      // All of them or none: those that were made already would stand in every configuration, and never start.
      for (const member of added) {
        this.#instances.delete(member);
        this.dispose(member);
      }
      throw error;
    }
    return added;
  }

  async #createOne(
    deployment: Deployment,
    number: number,
    service: MeshedService,
    calls: readonly string[],
  ): Promise<RunningInstance> {
    const { installation } = this.#host;
    const isFirst = deployment.version === FIRST_VERSION && number === 1;
    const ports = isFirst
      ? {
          admin: realPort(installation, service.adminPort),
          ...(isCallable(service) ? { inbound: firstInboundPort(installation, service) } : {}),
        }
      : await this.#takePorts();
    const instance = newInstance(deployment, number, service, calls, ports, this.#folders, this.#ports);
    await this.#certificates.issueFor(instance.workload);
    const member: RunningInstance = { instance, sidecar: this.#sidecarFor(instance.workload), failedProbes: 0 };
    this.#instances.add(member);
    return member;
  }

  async #takePorts(): Promise<Required<InstancePorts>> {
    const admin = await this.#pool.take("admin");
    try {
      return { admin, inbound: await this.#pool.take("inbound") };
    } catch (error) {
      this.#pool.release(admin);
      throw error;
    }
  }

  /** Takes back what an instance had that has stopped. */
  dispose({ instance: { workload, adminPort }, sidecar, app }: RunningInstance): void {
    this.#certificates.forget(workload.instance);
    this.#host.forget(sidecar.process);
    if (app) this.#host.forget(app);
    this.#pool.release(adminPort, workload.inboundPort);
    for (const path of [workload.sidecar.folder, join(workload.sidecar.statsSocket, "..")])
      rmSync(path, { recursive: true, force: true });
    rmSync(workload.sidecar.certificate, { force: true });
  }

  /** From now on certificates are replaced no more. */
  close(): void {
    this.#certificates.stop();
  }

  #sidecarFor(
    workload: Pick<Workload, "instance" | "service" | "version" | "sidecar">,
    named?: Pick<ProcessSpec, "name" | "service" | "addresses">,
  ): Sidecar {
    const { installation, program } = this.#host;
    return new Sidecar(
      workload,
      program,
      installation.stateDir,
      (endpoint) => {
        if (!this.#instances.isReady(endpoint)) return false;
        const callee = this.#instances.serviceOf(endpoint);
        if (this.#partitions.has({ caller: workload.service, callee })) return false;
        return this.#brokenEndpoints.has(workload.instance, endpoint) ? undefined : true;
      },
      (spec) => this.#host.supervise(spec),
      named,
    );
  }
}
