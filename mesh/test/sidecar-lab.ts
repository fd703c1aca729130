/** Workloads with real sidecars, real certificates and small gRPC apps, as many as a test needs. */

import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { accessSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { labelsOf } from "@row/runtime/names.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { type CompiledSidecar, compile } from "../src/haproxy/compile/compile.ts";
import { CONFIGURATION_FILE, sidecarFiles } from "../src/haproxy/compile/files.ts";
import { checkConfiguration } from "../src/haproxy/data-plane/check-configuration.ts";
import { reload } from "../src/haproxy/data-plane/reload.ts";
import { RuntimeApi } from "../src/haproxy/data-plane/runtime-api.ts";
import type { Workload } from "../src/haproxy/workload.ts";
import { openTrustAnchor, type TrustAnchor, writeCertificate } from "../src/identity/trust-anchor.ts";
import type { Resource } from "../src/resources/resource.ts";

const HAPROXY =
  ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/opt/homebrew/bin/haproxy"].find((file) => {
    try {
      accessSync(file);
      return true;
    } catch {
      return false;
    }
  }) ?? "haproxy";

interface Sidecar {
  readonly workload: Workload;
  readonly compiled: CompiledSidecar;
  readonly process: ChildProcess;
  readonly runtime: RuntimeApi;
}

/** What a test says of a workload; the rest follows. */
export interface WorkloadPlan {
  readonly service: string;
  readonly version?: string;
  readonly instance?: string;
  readonly account?: string;
  readonly calls?: readonly string[];
  /** How many laptop ports it has; default none. */
  readonly laptopPorts?: number;
  readonly hasHttp?: boolean;
  readonly isToolbox?: boolean;
}

export class SidecarLab {
  readonly folder: string;
  readonly anchor: TrustAnchor;
  /** Every request line so far. */
  readonly lines: string[] = [];
  readonly workloads: Workload[] = [];
  resources: Resource[] = [];
  readonly #sidecars = new Map<string, Sidecar>();
  readonly #log = createSocket({ type: "udp4", recvBufferSize: 8 * 1024 * 1024 });
  readonly #cleanUps: (() => unknown)[] = [];

  private constructor(folder: string, anchor: TrustAnchor) {
    this.folder = folder;
    this.anchor = anchor;
    this.#log.on("message", (line) => this.lines.push(line.toString().trimEnd()));
  }

  static async open(): Promise<SidecarLab> {
    const folder = await mkdtemp(join(tmpdir(), "lab-"));
    const lab = new SidecarLab(folder, await openTrustAnchor(join(folder, "anchor")));
    lab.#log.bind(0, "127.0.0.1");
    await once(lab.#log, "listening");
    return lab;
  }

  /** Adds a workload with a certificate of its own; its sidecar starts with `up`. */
  async add(plan: WorkloadPlan): Promise<Workload> {
    const { service, version = "v1", account = service, calls = [], laptopPorts = 0 } = plan;
    const instance = plan.instance ?? `${service}-${version}-1`;
    const folder = join(this.folder, instance);
    await mkdir(folder, { mode: 0o700 });
    const isApp = !plan.isToolbox;
    const workload: Workload = {
      instance,
      service,
      version,
      account,
      labels: labelsOf(service, version),
      isReady: true,
      calls,
      laptopPorts: await severalPorts(laptopPorts),
      sidecar: {
        folder,
        anchor: this.anchor.certificatePath,
        certificate: join(folder, "identity.pem"),
        statsSocket: join(folder, "stats.sock"),
        outboundSockets: Object.fromEntries(calls.map((callee) => [callee, join(folder, `${callee}.sock`)])),
        logAddress: `127.0.0.1:${this.#log.address().port}`,
      },
      ...(isApp && { appSocket: join(folder, "app.sock"), inboundPort: (await severalPorts(1))[0] }),
      ...(plan.hasHttp && { httpSocket: join(folder, "http.sock") }),
      ...(plan.isToolbox && { anyServicePort: (await severalPorts(1))[0] }),
    };
    await writeCertificate(workload.sidecar.certificate, (await this.anchor.issue({ account })).pem);
    this.workloads.push(workload);
    return workload;
  }

  /** Ends with the lab. */
  onClose(cleanUp: () => unknown): void {
    this.#cleanUps.push(cleanUp);
  }

  compile(workload: Workload): CompiledSidecar {
    return compile({ resources: this.resources, workloads: this.workloads }, workload);
  }

  /** Compiles, checks and starts every sidecar that does not run yet. */
  async up(resources: readonly Resource[] = this.resources): Promise<void> {
    this.resources = [...resources];
    await Promise.all(
      this.workloads.filter(({ instance }) => !this.#sidecars.has(instance)).map((w) => this.#start(w)),
    );
  }

  /** Compiles anew and reloads every sidecar. */
  async reload(resources: readonly Resource[] = this.resources): Promise<void> {
    this.resources = [...resources];
    for (const { workload } of this.#sidecars.values()) await this.reloadOne(workload);
  }

  async reloadOne(workload: Workload): Promise<void> {
    await this.write(workload, this.compile(workload));
    const { folder, statsSocket } = workload.sidecar;
    await reload({ master: join(folder, "master.sock"), stats: statsSocket });
  }

  async write({ sidecar: { folder } }: Workload, compiled: CompiledSidecar): Promise<void> {
    const files = Object.entries(sidecarFiles(compiled));
    for (const [name, text] of files) await writeFile(join(folder, name), text, { mode: 0o600 });
    await checkConfiguration(HAPROXY, join(folder, CONFIGURATION_FILE));
  }

  runtime({ instance }: Workload): RuntimeApi {
    const sidecar = this.#sidecars.get(instance);
    if (!sidecar) throw new Error(`Cannot reach the sidecar of ${instance}: it does not run`);
    return sidecar.runtime;
  }

  /** The sidecar's master process. */
  pid({ instance }: Workload): number {
    return this.#sidecars.get(instance)?.process.pid ?? 0;
  }

  /** Kills a sidecar as a crash would. */
  async kill({ instance }: Workload): Promise<void> {
    const sidecar = this.#sidecars.get(instance);
    if (!sidecar) return;
    this.#sidecars.delete(instance);
    await stop(sidecar.process, "SIGTERM");
  }

  async close(): Promise<void> {
    for (const cleanUp of this.#cleanUps) await cleanUp();
    await Promise.all([...this.#sidecars.values()].map(({ process }) => stop(process, "SIGTERM")));
    this.#log.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #start(workload: Workload): Promise<void> {
    const { folder, statsSocket } = workload.sidecar;
    const compiled = this.compile(workload);
    await this.write(workload, compiled);
    const args = ["-W", "-db", "-S", `${join(folder, "master.sock")},mode,600`, "-f", join(folder, CONFIGURATION_FILE)];
    const child = spawn(HAPROXY, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const runtime = new RuntimeApi(statsSocket);
    this.#sidecars.set(workload.instance, { workload, compiled, process: child, runtime });
    for (let tries = 0; ; tries++) {
      if (await runtime.showInfo().catch(() => undefined)) return;
      if (child.exitCode !== null || tries > 500) throw new Error(`Cannot start ${workload.instance}: ${said}`);
      await sleep(10);
    }
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

function severalPorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, freePort));
}
