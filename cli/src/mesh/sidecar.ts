import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CompiledSidecar, compile } from "@row/mesh/compile/compile.ts";
import { WEIGHTS_FILE } from "@row/mesh/compile/weights.ts";
import { checkConfiguration } from "@row/mesh/data-plane/check-configuration.ts";
import { reload } from "@row/mesh/data-plane/reload.ts";
import { RuntimeApi } from "@row/mesh/data-plane/runtime-api.ts";
import type { MeshView, SidecarPaths, Workload } from "@row/mesh/workload.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";

/** What a sidecar is to do, and what of it can only be changed by a reload. */
export interface Wanted {
  readonly compiled: CompiledSidecar;
  readonly shape: string;
}

/** What the running worker does. */
interface Running {
  shape: string;
  weights: Readonly<Record<string, number>>;
  serviceConfig: string;
  /** By "backend/server". */
  readonly servers: Map<string, boolean>;
}

const READY_MS = 10_000;
const TRIES = 3;

/** One HAProxy and the files it runs on. */
export class Sidecar {
  readonly instance: string;
  readonly paths: SidecarPaths;
  readonly process: SupervisedProcess;
  readonly #master: string;
  readonly #program: string;
  readonly #isReady: (instance: string) => boolean;
  readonly #api: RuntimeApi;
  #wanted: Wanted | undefined;
  #running: Running | undefined;
  #queue: Promise<void> = Promise.resolve();

  /** @param isReady whether calls may be sent to an instance now */
  constructor(
    workload: Pick<Workload, "instance" | "service" | "version" | "sidecar">,
    program: string,
    stateDir: string,
    isReady: (instance: string) => boolean,
    run: (spec: ProcessSpec) => SupervisedProcess,
    named: Pick<ProcessSpec, "name" | "service" | "addresses"> = sidecarNames(workload),
  ) {
    this.instance = workload.instance;
    this.paths = workload.sidecar;
    this.#program = program;
    this.#isReady = isReady;
    this.#api = new RuntimeApi(this.paths.statsSocket);
    this.#master = join(this.paths.statsSocket, "../master.sock");
    this.process = run({
      ...named,
      version: workload.version,
      command: program,
      args: ["-W", "-S", `${this.#master},mode,600`, "-f", this.#file("haproxy.cfg")],
      cwd: this.paths.folder,
      env: { TZ: "UTC" },
      logFile: logFile(stateDir, named.name),
      prepare: () => this.#prepare(),
      isReady: () => this.#api.showInfo().then(() => true),
      stopMs: 3_000,
    });
  }

  /** What the sidecar would have to do in a mesh like this. Throws when it cannot. */
  wantedIn(view: MeshView): Wanted {
    const workload = view.workloads.find(({ instance }) => instance === this.instance);
    if (!workload) throw new Error(`Cannot compile: ${this.instance} is not in the view`);
    const allReady = { ...view, workloads: view.workloads.map((other) => ({ ...other, isReady: true })) };
    const { [WEIGHTS_FILE]: _, "service-config.json": __, ...files } = compile(allReady, workload).files;
    return { compiled: compile(view, workload), shape: JSON.stringify(files) };
  }

  /** Rejects, in HAProxy's words, when it could not run like this. */
  async check({ compiled, shape }: Wanted): Promise<void> {
    if (shape === this.#wanted?.shape) return;
    const draft = this.#file("haproxy.cfg.next");
    mkdirSync(this.paths.folder, { recursive: true, mode: 0o700 });
    // The check reads the other files too.
    for (const [name, text] of Object.entries(compiled.files)) {
      if (name !== "haproxy.cfg" && this.#wanted?.compiled.files[name] === undefined) this.#write(name, text);
    }
    this.#write("haproxy.cfg.next", compiled.files["haproxy.cfg"] ?? "");
    try {
      await checkConfiguration(this.#program, draft);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** From now on this is what it is to do: see `sync`. */
  want(wanted: Wanted): void {
    this.#wanted = wanted;
  }

  /** Resolves when the worker does what is wanted, endpoints' readiness included; at once when it does not run. */
  sync(): Promise<void> {
    const done = this.#queue.then(() => this.#catchUp());
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Calls that are on their way to the app. */
  async callsInFlight(): Promise<number> {
    const statistics = await this.#api.showStat();
    return statistics.find(({ proxy, type }) => proxy === "app" && type === "backend")?.scur ?? 0;
  }

  /** Replaces the certificate; whoever is connected stays so. The file is written already. */
  async useCertificate(pem: string): Promise<void> {
    if (this.process.state === "ready") await this.#api.replaceCertificate(this.paths.certificate, pem);
  }

  async #catchUp(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.process.state === "stopped" || this.process.state === "stopping") return;
      await this.process.whenReady(READY_MS);
      const { pid } = this.process;
      try {
        return await this.#change();
      } catch (error) {
        // One that died meanwhile comes back with what is wanted.
        if (this.process.pid === pid || attempt === TRIES) throw error;
      }
    }
  }

  async #change(): Promise<void> {
    const [wanted, running] = [this.#wanted, this.#running];
    if (!wanted || !running) return;
    const { weights, files } = wanted.compiled;
    if (running.shape !== wanted.shape) {
      this.#writeAll(wanted);
      await reload({ master: this.#master, stats: this.paths.statsSocket });
      this.#running = startedWith(wanted);
      return this.#change();
    }
    const serviceConfig = files["service-config.json"] ?? "";
    if (running.serviceConfig !== serviceConfig) {
      this.#write("service-config.json", serviceConfig);
      running.serviceConfig = serviceConfig;
    }
    if (JSON.stringify(running.weights) !== JSON.stringify(weights)) {
      this.#write(WEIGHTS_FILE, files[WEIGHTS_FILE] ?? "");
      const entries = Object.entries(weights).map(([backend, weight]) => [backend, String(weight)]);
      await this.#api.replaceMap(this.#file(WEIGHTS_FILE), Object.fromEntries(entries));
      running.weights = weights;
    }
    await this.#setReadiness(running);
  }

  async #setReadiness(running: Running): Promise<void> {
    const changes = [...running.servers].filter(([name, isReady]) => isReady !== this.#isReady(serverOf(name)));
    await Promise.all(
      changes.map(async ([name, was]) => {
        const [backend = "", server = ""] = [name.slice(0, name.lastIndexOf("/")), serverOf(name)];
        await this.#api.setServerState(backend, server, was ? "maint" : "ready");
        running.servers.set(name, !was);
      }),
    );
  }

  #prepare(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    mkdirSync(join(this.paths.statsSocket, ".."), { recursive: true, mode: 0o700 });
    this.#writeAll(wanted);
    this.#running = startedWith(wanted);
  }

  #writeAll({ compiled }: Wanted): void {
    mkdirSync(this.paths.folder, { recursive: true, mode: 0o700 });
    for (const [name, text] of Object.entries(compiled.files)) this.#write(name, text);
  }

  #write(name: string, text: string): void {
    const file = this.#file(name);
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  #file(name: string): string {
    return join(this.paths.folder, name);
  }
}

function sidecarNames({ instance, service }: Pick<Workload, "instance" | "service">) {
  return { name: `${instance}-sidecar`, service: `${service}-sidecar`, addresses: {} };
}

function startedWith({ compiled, shape }: Wanted): Running {
  const servers = Object.entries(compiled.backends).flatMap(([backend, endpoints]) =>
    endpoints.map(({ server, isReady }) => [`${backend}/${server}`, isReady] as const),
  );
  const serviceConfig = compiled.files["service-config.json"] ?? "";
  return { shape, weights: compiled.weights, serviceConfig, servers: new Map(servers) };
}

function serverOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
