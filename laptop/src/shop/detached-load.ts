/** The load that a shop makes on itself, beside its processes: one at a time, and it ends with the shop at the latest. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoadWish } from "@row/load/load-job.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Installation } from "../installation.ts";
import { Secrets } from "../secrets.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";
import { loadJobOf } from "./load-job.ts";
import type { ShopProcesses } from "./shop-processes.ts";

const LOAD = "load";
/** Signing in, and the merchant's delivery, on a busy machine. */
const BEGUN_WITHIN_MS = 60_000;

/** Where a load says how far it is. */
export function loadFile(stateDir: string): string {
  return join(stateDir, "load.json");
}

export class DetachedLoad {
  readonly #installation: Installation;
  readonly #processes: ShopProcesses;
  readonly #supervise: (spec: ProcessSpec) => SupervisedProcess;

  constructor(
    installation: Installation,
    processes: ShopProcesses,
    supervise: (spec: ProcessSpec) => SupervisedProcess,
  ) {
    this.#installation = installation;
    this.#processes = processes;
    this.#supervise = supervise;
  }

  /** Resolves when requests begin. */
  async start(wish: LoadWish): Promise<void> {
    if (this.#process) throw new RowError("Cannot start a load: one runs already; end it with `npx row load stop`");
    const process = this.#supervise(this.#spec(wish));
    process.start();
    try {
      await process.whenReady(BEGUN_WITHIN_MS);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends it in order; answers whether there was one. */
  async stop(): Promise<boolean> {
    const process = this.#process;
    if (!process) return false;
    await process.stop();
    this.ended(process);
    return true;
  }

  /** Forgets a process that has ended by itself, or was ended. */
  ended(process: SupervisedProcess): void {
    if (this.#process === process) this.#processes.forget(process);
  }

  get #process(): SupervisedProcess | undefined {
    return this.#processes.named(LOAD)[0];
  }

  #spec(wish: LoadWish): ProcessSpec {
    const { stateDir } = this.#installation;
    const edge = this.#processes.find("edge").spec.addresses.http;
    if (!edge) throw new RowError("Cannot start a load: this shop has no edge");
    const file = loadFile(stateDir);
    const job = loadJobOf(wish, edge, new Secrets(stateDir));
    return {
      name: LOAD,
      service: LOAD,
      version: "-",
      command: process.execPath,
      args: [fileURLToPath(import.meta.resolve("@row/load/main.ts"))],
      cwd: this.#installation.root,
      env: { TZ: "UTC", LOAD_JOB: JSON.stringify(job), LOAD_FILE: file },
      addresses: {},
      logFile: logFile(stateDir, LOAD),
      endsByItself: true,
      // It writes there when requests begin.
      prepare: () => rmSync(file, { force: true }),
      isReady: async () => existsSync(file),
    };
  }
}
