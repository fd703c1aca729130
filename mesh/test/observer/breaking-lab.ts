/** A client's sidecar that is a real HAProxy, two endpoints that fail when told to, and lines that get lost when told to. */
import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { accessSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { reload } from "../../src/haproxy/data-plane/reload.ts";
import { RuntimeApi } from "../../src/haproxy/data-plane/runtime-api.ts";
import { openTrustAnchor, writeCertificate } from "../../src/identity/trust-anchor.ts";
import { eventually, type Observer } from "./observer-process.ts";

const HAPROXY = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/opt/homebrew/bin/haproxy"].find(exists) ?? "haproxy";
const BACKENDS = ["catalog:catalog-fast:0:catalog-v1", "catalog:catalog-slow:0:catalog-v1"];
export const CLIENT = "orders-v1-1";
const ENDPOINTS = ["catalog-v1-1", "catalog-v1-2"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

export class BreakingLab {
  readonly stats: string;
  /** Drops a line for which it answers true. */
  isLost: (line: string) => boolean = () => false;
  /** Seconds since the epoch. */
  certificateExpires = 0;
  readonly failing = new Set<Endpoint>();
  readonly #folder: string;
  readonly #endpoints: Server[] = [];
  readonly #relay = createSocket("udp4");
  readonly #runtime: RuntimeApi;
  #haproxy: ChildProcess | undefined;
  #logPort = 0;

  constructor({ folder }: Observer) {
    this.#folder = folder;
    this.stats = join(folder, "stats.sock");
    this.#runtime = new RuntimeApi(this.stats);
  }

  async start(observer: Observer): Promise<void> {
    this.#logPort = observer.logPort;
    this.#relay.bind(0, "127.0.0.1");
    await once(this.#relay, "listening");
    this.#relay.on("message", (line) => {
      if (!this.isLost(String(line))) this.#relay.send(line, this.#logPort, "127.0.0.1");
    });
    for (const endpoint of ENDPOINTS) {
      const server = createServer((_, response) => {
        const status = this.failing.has(endpoint) ? { "grpc-status": "14" } : {};
        response.writeHead(200, { "x-by": endpoint, ...status }).end();
      });
      this.#endpoints.push(server);
      server.listen(join(this.#folder, `${endpoint}.sock`));
      await once(server, "listening");
    }
    await this.#startHaproxy();
  }

  /** Another observer gets the lines from now on. */
  relayTo({ logPort }: Observer): void {
    this.#logPort = logPort;
  }

  /** Calls once; answers who answered, "" for nobody. */
  call(backend: 0 | 1 = 0): Promise<string> {
    const socketPath = join(this.#folder, "out.sock");
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, path: `/${backend}`, agent: false }, (response) => {
        response.resume().once("end", () => resolve(String(response.headers["x-by"] ?? "")));
      });
      outgoing.once("error", reject).end();
    });
  }

  async calls(count: number): Promise<string[]> {
    const by: string[] = [];
    for (let made = 0; made < count; made += 1) by.push(await this.call());
    return by;
  }

  /** The states of an endpoint in both backends, such as "MAINT". */
  async states(endpoint: Endpoint): Promise<string[]> {
    const all = await this.#runtime.showStat();
    return all.filter(({ server }) => server === endpoint).map(({ status }) => status);
  }

  async setState(endpoint: Endpoint, state: "ready" | "maint"): Promise<void> {
    for (const backend of BACKENDS) await this.#runtime.setServerState(backend, endpoint, state);
  }

  async reload(): Promise<void> {
    await reload({ master: join(this.#folder, "master.sock"), stats: this.stats });
  }

  async stop(): Promise<void> {
    const haproxy = this.#haproxy;
    if (haproxy && haproxy.exitCode === null) {
      haproxy.kill("SIGTERM");
      await once(haproxy, "exit");
    }
    for (const server of this.#endpoints) server.close();
    this.#relay.close();
  }

  async #startHaproxy(): Promise<void> {
    const file = join(this.#folder, "haproxy.cfg");
    const identity = join(this.#folder, "identity.pem");
    const anchor = await openTrustAnchor(join(this.#folder, "anchor"));
    const { pem } = await anchor.issue({ account: "orders" });
    await writeCertificate(identity, pem);
    this.certificateExpires = Date.parse(new X509Certificate(pem).validTo) / 1_000;
    const server = (endpoint: Endpoint) => `  server ${endpoint} unix@${join(this.#folder, `${endpoint}.sock`)}`;
    const backend = (name: string) => [`backend ${name}`, "  balance roundrobin", ...ENDPOINTS.map(server)];
    const us = "%[date(0,us),sub(txn.start)]";
    const fields = ["O", CLIENT, "%b", "%[srv_name]", "%ST", "%[var(txn.grpc)]", us, "%rc", "%ts", "%HPO", "-"];
    const text = [
      "global",
      "  nbthread 1",
      `  stats socket ${this.stats} mode 600 level admin`,
      `  log 127.0.0.1:${this.#relay.address().port} len 2048 format raw local0`,
      "defaults",
      "  mode http",
      "  log global",
      "  timeout connect 1s",
      "  timeout client 5s",
      "  timeout server 5s",
      "frontend in:grpc",
      `  bind unix@${join(this.#folder, "in.sock")} ssl crt ${identity} alpn h2`,
      "frontend out:catalog",
      `  bind unix@${join(this.#folder, "out.sock")}`,
      `  log-format ${fields.join("|")}|%[var(txn.start)]`,
      "  http-request set-var(txn.start) date(0,us)",
      "  http-after-response set-var(txn.grpc) res.hdr(grpc-status)",
      `  use_backend ${BACKENDS[1]} if { path /1 }`,
      `  default_backend ${BACKENDS[0]}`,
      ...BACKENDS.flatMap(backend),
      "",
    ];
    await writeFile(file, text.join("\n"));
    const args = ["-W", "-db", "-S", join(this.#folder, "master.sock"), "-f", file];
    this.#haproxy = spawn(HAPROXY, args, { stdio: "ignore" });
    await eventually(async () => (await this.#runtime.showInfo()).pid > 0);
  }
}

function exists(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}
