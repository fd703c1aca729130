/** A caller's sidecar, a callee's sidecar and a gRPC server, with real HAProxy and mutual TLS between them. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { RuntimeApi } from "../src/haproxy/data-plane/runtime-api.ts";
import { openTrustAnchor, type TrustAnchor, writeCertificate } from "../src/identity/trust-anchor.ts";

export const HAPROXY = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].find(existsSync) ?? "haproxy";

const METHOD = {
  path: "/test.Echo/Echo",
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
} as const;

/** One HAProxy with the runtime API and the master's socket. */
export class Sidecar {
  readonly folder: string;
  readonly file: string;
  readonly certificate: string;
  readonly sockets: { readonly master: string; readonly stats: string };
  readonly api: RuntimeApi;
  #process: ChildProcess | undefined;

  constructor(folder: string, name: string) {
    this.folder = folder;
    this.file = join(folder, `${name}.cfg`);
    this.certificate = join(folder, `${name}.pem`);
    this.sockets = { master: join(folder, `${name}.master`), stats: join(folder, `${name}.stats`) };
    this.api = new RuntimeApi(this.sockets.stats);
  }

  async configure(proxies: string): Promise<void> {
    await writeFile(
      this.file,
      `global
  nbthread 1
  stats socket ${this.sockets.stats} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
${proxies}`,
    );
  }

  async start(): Promise<void> {
    this.#process = spawn(HAPROXY, ["-W", "-f", this.file, "-S", this.sockets.master], { stdio: "ignore" });
    for (let tries = 0; tries < 200; tries++) {
      if (await this.api.showInfo().catch(() => undefined)) return;
      await sleep(20);
    }
    throw new Error(`${this.file} does not start`);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGTERM");
    await gone;
  }
}

/** Everything that a test needs, on `port`, with calls as they are answered. */
export async function startTwoSidecars(port: number) {
  const folder = await mkdtemp(join(tmpdir(), "sidecars-"));
  const anchor = await openTrustAnchor(join(folder, "trust"));
  const server = new Server();
  server.addService({ echo: METHOD }, { echo: (call: { request: Buffer }, done: Answer) => done(null, call.request) });
  await new Promise<void>((resolve, reject) => {
    const app = `unix:${join(folder, "app")}`;
    server.bindAsync(app, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  const caller = new Sidecar(folder, "caller");
  const callee = new Sidecar(folder, "callee");
  await renew(anchor, caller, "orders");
  await renew(anchor, callee, "catalog");
  await writeFile(join(folder, "weights.map"), "v1 90\n");
  await callee.configure(calleeProxies(folder, callee, anchor, port));
  await caller.configure(callerProxies(folder, caller, anchor, port));
  await callee.start();
  await caller.start();
  const connect = (listener: string) =>
    new Client(`unix:${join(folder, listener)}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 50,
    });
  const steady = connect("out");
  const call = (client: Client): Promise<Record<string, string>> =>
    new Promise((resolve, reject) => {
      const headers: Record<string, string> = {};
      const { path, requestSerialize: asIs } = METHOD;
      const options = { deadline: Date.now() + 5_000 };
      client
        .makeUnaryRequest(path, asIs, asIs, Buffer.from("hello"), new Metadata(), options, (error) =>
          error ? reject(error) : resolve(headers),
        )
        .on("metadata", (metadata: Metadata) => Object.assign(headers, metadata.getMap()));
    });
  return {
    folder,
    anchor,
    caller,
    callee,
    /** Resolves with the answer's headers. */
    call: () => call(steady),
    /** The same over connections of its own: those that exist keep the certificates they began with. */
    async callAnew(): Promise<Record<string, string>> {
      const client = connect("anew");
      return call(client).finally(() => client.close());
    },
    async close(): Promise<void> {
      steady.close();
      await caller.stop();
      await callee.stop();
      server.forceShutdown();
      await rm(folder, { recursive: true });
    },
  };
}

type Answer = (error: ServiceError | null, answer: Buffer) => void;

/** Writes a new certificate where a sidecar reads it at its start. */
export async function renew(anchor: TrustAnchor, sidecar: Sidecar, account: string) {
  const issued = await anchor.issue({ account });
  await writeCertificate(sidecar.certificate, issued.pem);
  return issued;
}

function calleeProxies(folder: string, { certificate }: Sidecar, anchor: TrustAnchor, port: number): string {
  return `frontend in
  bind 127.0.0.1:${port} ssl crt ${certificate} ca-file ${anchor.certificatePath} verify required alpn h2
  http-response set-header x-caller %[ssl_c_s_dn(cn)]
  http-response set-header x-caller-serial %[ssl_c_serial,hex]
  default_backend app
backend app
  server app unix@${folder}/app proto h2
`;
}

function callerProxies(folder: string, { certificate }: Sidecar, anchor: TrustAnchor, port: number): string {
  const peer = "catalog.shop.serviceaccount.identity.linkerd.cluster.local";
  // A resumed TLS session would go on showing the certificate that it began with.
  const proof = `verify required verifyhost ${peer} no-ssl-reuse`;
  const tls = `ssl crt ${certificate} ca-file ${anchor.certificatePath} ${proof} alpn h2`;
  return `frontend out
  bind unix@${folder}/out mode 600 proto h2
  http-request set-var(txn.weight) str(v1),map_str(${folder}/weights.map)
  http-request set-var(txn.other) str(v2),map_str(${folder}/weights.map,none)
  http-response set-header x-weights "%[var(txn.weight)]/%[var(txn.other)]"
  default_backend catalog
backend catalog
  http-reuse always
  server catalog-v1-1 127.0.0.1:${port} ${tls}
  server catalog-v1-2 127.0.0.1:${port} ${tls} disabled
frontend anew
  bind unix@${folder}/anew mode 600 proto h2
  default_backend anew
backend anew
  http-reuse never
  server catalog-v1-1 127.0.0.1:${port} ${tls}
`;
}
