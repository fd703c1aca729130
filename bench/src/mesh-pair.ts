import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findPrograms } from "@row/laptop/stores/programs.ts";
import { compile } from "@row/mesh/haproxy/compile/compile.ts";
import { CONFIGURATION_FILE, sidecarFiles } from "@row/mesh/haproxy/compile/files.ts";
import { RuntimeApi } from "@row/mesh/haproxy/data-plane/runtime-api.ts";
import type { Workload } from "@row/mesh/haproxy/workload.ts";
import { openTrustAnchor, writeCertificate } from "@row/mesh/identity/trust-anchor.ts";
import { readResources } from "@row/mesh/resources/read.ts";
import { labelsOf } from "@row/runtime/names.ts";
import type { Watched } from "./measure/process-watch.ts";
import { PORTS } from "./ports.ts";

const READY_MS = 10_000;
const POLL_MS = 20;

/** What the mesh of a shop has for one callee: a route with a timeout and retries, and a policy by method and caller. */
const RESOURCES = `
apiVersion: v1
kind: Service
metadata: { name: callee, namespace: shop }
spec:
  selector: { app.kubernetes.io/name: callee }
  ports: [{ name: grpc, port: 50051, targetPort: grpc, appProtocol: kubernetes.io/h2c }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata:
  name: callee
  namespace: shop
  annotations: { timeout.linkerd.io/request: 10s, retry.linkerd.io/grpc: unavailable }
spec:
  parentRefs: [{ group: core, kind: Service, name: callee, port: 50051 }]
  rules:
    - matches: [{ method: { service: bench.Echo, method: Echo } }]
      backendRefs: [{ name: callee, port: 50051 }]
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: callee-grpc, namespace: shop }
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: callee } }
  port: grpc
  proxyProtocol: gRPC
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: callee-for-caller, namespace: shop }
spec:
  parentRefs: [{ group: policy.linkerd.io, kind: Server, name: callee-grpc }]
  rules: [{ matches: [{ method: { service: bench.Echo, method: Echo } }] }]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: { name: callee-for-caller, namespace: shop }
spec:
  targetRef: { group: gateway.networking.k8s.io, kind: GRPCRoute, name: callee-for-caller }
  requiredAuthenticationRefs: [{ group: "", kind: ServiceAccount, name: caller }]
`;

/** Two sidecars with nothing of the shop around them, as `row up` runs them: what one call pays for the mesh. */
export class MeshPair {
  /** Where the callee's app is to listen. */
  readonly callee: string;
  /** Where the caller's app finds the callee. */
  readonly outbound: string;
  /** The masters; their workers count with them. */
  readonly processes: Watched[] = [];
  #stopping: Promise<void> | undefined;
  readonly #folder: string;
  /** Stands where the observer would: it takes the request lines. */
  readonly #log: Socket;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string, log: Socket) {
    this.#folder = folder;
    this.#log = log;
    this.callee = `unix:${join(folder, "callee.sock")}`;
    this.outbound = `unix:${join(folder, "outbound.sock")}`;
  }

  static async start(): Promise<MeshPair> {
    const log = createSocket({ type: "udp4", recvBufferSize: 8 * 1024 * 1024 });
    log.bind(0, "127.0.0.1");
    await once(log, "listening");
    log.on("message", () => {});
    // Short: a socket's path holds 103 bytes.
    const pair = new MeshPair(mkdtempSync(join(tmpdir(), "row-hop-")), log);
    try {
      await pair.#startSidecars();
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#children.map(ended));
    this.#log.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startSidecars(): Promise<void> {
    const { haproxy } = await findPrograms(["haproxy"]);
    const anchor = await openTrustAnchor(join(this.#folder, "trust"));
    const workloads = ["caller", "callee"].map((name) => this.#workload(name, anchor.certificatePath));
    const { resources } = readResources(RESOURCES, "bench");
    for (const workload of workloads) {
      const { certificate, folder, statsSocket } = workload.sidecar;
      mkdirSync(folder, { mode: 0o700 });
      await writeCertificate(certificate, (await anchor.issue({ account: workload.account })).pem);
      for (const [name, text] of Object.entries(sidecarFiles(compile({ resources, workloads }, workload)))) {
        writeFileSync(join(folder, name), text, { mode: 0o600 });
      }
      const args = ["-W", "-S", `${statsSocket}.master,mode,600`, "-f", join(folder, CONFIGURATION_FILE)];
      const master = spawn(haproxy, args, { stdio: "ignore" });
      this.#children.push(master);
      await answers(statsSocket);
      this.processes.push({ name: `${workload.instance}'s sidecar`, pid: master.pid ?? 0 });
    }
  }

  #workload(name: string, anchor: string): Workload {
    const file = (what: string) => join(this.#folder, what);
    return {
      instance: name,
      service: name,
      version: "v1",
      account: name,
      labels: labelsOf(name, "v1"),
      isReady: true,
      calls: name === "caller" ? ["callee"] : [],
      sidecar: {
        folder: file(name),
        anchor,
        certificate: file(`${name}.pem`),
        statsSocket: file(`${name}.stats`),
        outboundSockets: { callee: file("outbound.sock") },
        logAddress: `127.0.0.1:${this.#log.address().port}`,
      },
      laptopPorts: [],
      ...(name === "callee" && { appSocket: file("callee.sock"), inboundPort: PORTS.meshHop }),
    };
  }
}

async function answers(statsSocket: string): Promise<void> {
  const until = performance.now() + READY_MS;
  while (!(await new RuntimeApi(statsSocket).showInfo().catch(() => undefined))) {
    if (performance.now() > until) throw new Error(`Cannot measure a hop: no sidecar answers at ${statsSocket}`);
    await sleep(POLL_MS);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}
