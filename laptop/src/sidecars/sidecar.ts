/** One HAProxy: how it starts, and how it is brought to what is wanted of it while it runs. */
import { X509Certificate } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { CompiledSidecar } from "@row/mesh/haproxy/compile/compile.ts";
import { reload } from "@row/mesh/haproxy/data-plane/reload.ts";
import { RuntimeApi, type ServerChange } from "@row/mesh/haproxy/data-plane/runtime-api.ts";
import type { SidecarPaths, Workload } from "@row/mesh/haproxy/workload.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";
import { SidecarFolder } from "./sidecar-folder.ts";

/** A part of what the worker does that is not what is wanted, in words, and how to mend it. */
interface Difference {
  readonly what: string;
  mend(): Promise<void>;
}

/** Whether calls may go to an endpoint; undefined leaves it as the observer's circuit breaker has it. */
export type IsWanted = (endpoint: string) => boolean | undefined;

const READY_MS = 10_000;
const TRIES = 3;

export class Sidecar {
  readonly instance: string;
  readonly paths: SidecarPaths;
  readonly process: SupervisedProcess;
  readonly #folder: SidecarFolder;
  readonly #master: string;
  readonly #program: string;
  readonly #isWanted: IsWanted;
  readonly #api: RuntimeApi;
  #wanted: CompiledSidecar | undefined;
  /** What the running worker has been brought to. */
  #running: CompiledSidecar | undefined;
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
    this.#folder = new SidecarFolder(this.paths);
    this.#program = program;
    this.#isWanted = isWanted;
    this.#api = new RuntimeApi(this.paths.statsSocket);
    this.#master = join(this.paths.statsSocket, "../master.sock");
    this.process = run({
      ...named,
      version: workload.version,
      command: program,
      args: ["-W", "-S", `${this.#master},mode,600`, "-f", this.#folder.configuration],
      cwd: this.paths.folder,
      env: { TZ: "UTC" },
      logFile: logFile(stateDir, named.name),
      prepare: () => this.#prepare(),
      isReady: () => this.#api.showInfo().then(() => true),
      stopMs: 3_000,
    });
  }

  /** Rejects, in HAProxy's words, when it could not run like this. */
  async check(wanted: CompiledSidecar): Promise<void> {
    if (this.#wanted && !takesReload(this.#wanted, wanted)) return;
    await this.#folder.check(this.#program, wanted, this.#wanted === undefined);
  }

  /** From now on this is what it is to do: see `sync`. */
  want(wanted: CompiledSidecar): void {
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
    if (takesReload(running, wanted)) return ["it runs on an earlier configuration"];
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
    if (takesReload(running, wanted)) {
      this.#write(wanted);
      await reload({ master: this.#master, stats: this.paths.statsSocket });
      this.#running = wanted;
      return this.#change();
    }
    if (running.serviceConfig !== wanted.serviceConfig) this.#folder.writeServiceConfig(wanted);
    this.#running = wanted;
    for (const difference of await this.#compare(wanted)) await difference.mend();
  }

  async #compare(wanted: CompiledSidecar): Promise<Difference[]> {
    const map = this.#folder.weights;
    const { servers, entries, serial } = await this.#api.doings(map, this.paths.certificate);
    const differences: Difference[] = [];
    const pem = this.#folder.readCertificate();
    if (serial !== undefined && serial !== new X509Certificate(pem).serialNumber) {
      const mend = () => this.#api.replaceCertificate(this.paths.certificate, pem);
      differences.push({ what: "it shows an earlier certificate", mend });
    }
    const weights = Object.fromEntries(Object.entries(wanted.weights).map(([name, weight]) => [name, String(weight)]));
    if (!isDeepStrictEqual({ ...entries }, weights)) {
      const mend = async () => {
        this.#folder.writeWeights(wanted);
        await this.#api.replaceMap(map, weights);
      };
      differences.push({ what: "it splits calls by earlier weights", mend });
    }
    const changes = this.#changesOf(wanted, servers);
    if (changes.length === 0) return differences;
    const endpoints = new Set(changes.map(({ server, state }) => `${server} ${state === "ready" ? "out" : "in"}`));
    const what = `it has ${[...endpoints].join(", ")}`;
    return [...differences, { what, mend: () => this.#api.setServerStates(changes) }];
  }

  /** What makes every endpoint of what it calls as it is wanted. */
  #changesOf({ servers }: CompiledSidecar, isOut: ReadonlyMap<string, boolean>): ServerChange[] {
    return servers.flatMap(({ backend, server }) => {
      const isWanted = this.#isWanted(server);
      if (isWanted === undefined || isWanted !== isOut.get(`${backend}/${server}`)) return [];
      return { backend, server, state: isWanted ? ("ready" as const) : ("maint" as const) };
    });
  }

  #prepare(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    mkdirSync(join(this.paths.statsSocket, ".."), { recursive: true, mode: 0o700 });
    this.#write(wanted);
    this.#running = wanted;
  }

  /** A process that starts with it calls who may be called now, not who might be when it was compiled. */
  #write(compiled: CompiledSidecar): void {
    const servers = compiled.servers.map((one) => ({ ...one, isReady: this.#isWanted(one.server) ?? false }));
    this.#folder.write({ ...compiled, servers });
  }
}

function takesReload(from: CompiledSidecar, to: CompiledSidecar): boolean {
  return from.configuration !== to.configuration || !isDeepStrictEqual(from.errorFiles, to.errorFiles);
}

function sidecarNames({ instance, service }: Pick<Workload, "instance" | "service">) {
  return { name: `${instance}-sidecar`, service: `${service}-sidecar`, addresses: {} };
}
