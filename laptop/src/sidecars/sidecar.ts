import { X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type CompiledSidecar, compile } from "@row/mesh/haproxy/compile/compile.ts";
import { WEIGHTS_FILE } from "@row/mesh/haproxy/compile/weights.ts";
import { checkConfiguration } from "@row/mesh/haproxy/data-plane/check-configuration.ts";
import { reload } from "@row/mesh/haproxy/data-plane/reload.ts";
import { RuntimeApi, type ServerChange } from "@row/mesh/haproxy/data-plane/runtime-api.ts";
import type { MeshView, SidecarPaths, Workload } from "@row/mesh/haproxy/workload.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";

/** What a sidecar is to do, and what of it can only be changed by a reload. */
export interface Wanted {
  readonly compiled: CompiledSidecar;
  readonly shape: string;
}

/** What the running worker was started with. */
interface Running {
  shape: string;
  serviceConfig: string;
}

/** A part of what the worker does that is not what is wanted, in words, and how to mend it. */
interface Difference {
  readonly what: string;
  mend(): Promise<void>;
}

/** Whether calls may go to an endpoint; undefined leaves it as the observer's circuit breaker has it. */
export type IsWanted = (endpoint: string) => boolean | undefined;

const READY_MS = 10_000;
const TRIES = 3;

/** One HAProxy and the files it runs on. */
export class Sidecar {
  readonly instance: string;
  readonly paths: SidecarPaths;
  readonly process: SupervisedProcess;
  readonly #master: string;
  readonly #program: string;
  readonly #isWanted: IsWanted;
  readonly #api: RuntimeApi;
  #wanted: Wanted | undefined;
  #running: Running | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(
    workload: Pick<Workload, "instance" | "service" | "version" | "sidecar">,
    program: string,
    stateDir: string,
    isWanted: IsWanted,
    run: (spec: ProcessSpec) => SupervisedProcess,
    named: Pick<ProcessSpec, "name" | "service" | "addresses"> = sidecarNames(workload),
  ) {
    this.instance = workload.instance;
    this.paths = workload.sidecar;
    this.#program = program;
    this.#isWanted = isWanted;
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

  /**
   * Compares what the worker does with what is wanted, and mends what differs: configuration, weights, certificate and
   * endpoints. Resolves when nothing does; at once when it does not run.
   */
  sync(): Promise<void> {
    return this.#inTurn(() => this.#catchUp());
  }

  /** The same, but does not wait for one that is away: it is called again when that is back. */
  reconcile(): Promise<void> {
    return this.#inTurn(async () => {
      const { pid } = this.process;
      const runs = () => this.process.state === "ready" && this.process.pid === pid;
      if (!runs()) return;
      await this.#change().catch((error) => {
        if (runs()) throw error;
      });
    });
  }

  /** Calls that are on their way to the app. */
  async callsInFlight(): Promise<number> {
    const statistics = await this.#api.showStat();
    return statistics.find(({ proxy, type }) => proxy === "app" && type === "backend")?.scur ?? 0;
  }

  /** What the worker does that is not wanted, a phrase for each; nothing when it does not run. */
  async differences(): Promise<string[]> {
    const [wanted, running] = [this.#wanted, this.#running];
    if (this.process.state !== "ready" || !wanted || !running) return [];
    if (running.shape !== wanted.shape) return ["it runs on an earlier configuration"];
    return (await this.#compare(wanted)).map(({ what }) => what);
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(act);
    this.#queue = done.catch(() => {});
    return done;
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
    if (running.shape !== wanted.shape) {
      this.#writeAll(wanted);
      await reload({ master: this.#master, stats: this.paths.statsSocket });
      this.#running = startedWith(wanted);
      return this.#change();
    }
    const serviceConfig = wanted.compiled.files["service-config.json"] ?? "";
    if (running.serviceConfig !== serviceConfig) {
      this.#write("service-config.json", serviceConfig);
      running.serviceConfig = serviceConfig;
    }
    for (const difference of await this.#compare(wanted)) await difference.mend();
  }

  async #compare({ compiled }: Wanted): Promise<Difference[]> {
    const map = this.#file(WEIGHTS_FILE);
    const { servers, entries, serial } = await this.#api.doings(map, this.paths.certificate);
    const differences: Difference[] = [];
    const pem = readFileSync(this.paths.certificate, "utf8");
    if (serial !== undefined && serial !== new X509Certificate(pem).serialNumber) {
      const mend = () => this.#api.replaceCertificate(this.paths.certificate, pem);
      differences.push({ what: "it shows an earlier certificate", mend });
    }
    const weights = Object.fromEntries(
      Object.entries(compiled.weights).map(([name, weight]) => [name, String(weight)]),
    );
    if (!isDeepStrictEqual({ ...entries }, weights)) {
      const mend = async () => {
        this.#write(WEIGHTS_FILE, compiled.files[WEIGHTS_FILE] ?? "");
        await this.#api.replaceMap(map, weights);
      };
      differences.push({ what: "it splits calls by earlier weights", mend });
    }
    const changes = this.#changesOf(compiled, servers);
    if (changes.length === 0) return differences;
    const endpoints = new Set(changes.map(({ server, state }) => `${server} ${state === "ready" ? "out" : "in"}`));
    const what = `it has ${[...endpoints].join(", ")}`;
    return [...differences, { what, mend: () => this.#api.setServerStates(changes) }];
  }

  /** What makes every endpoint of what it calls as it is wanted. */
  #changesOf({ backends }: CompiledSidecar, servers: ReadonlyMap<string, boolean>): ServerChange[] {
    return Object.entries(backends).flatMap(([backend, endpoints]) =>
      endpoints.flatMap(({ server }) => {
        const isWanted = this.#isWanted(server);
        const isOut = servers.get(`${backend}/${server}`);
        if (isWanted === undefined || isOut === undefined || isWanted !== isOut) return [];
        return { backend, server, state: isWanted ? ("ready" as const) : ("maint" as const) };
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
  return { shape, serviceConfig: compiled.files["service-config.json"] ?? "" };
}
