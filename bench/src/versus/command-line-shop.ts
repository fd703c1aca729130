/** A shop that another checkout starts by its own command line, as a person would, and that is looked at from outside. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { demoProducts } from "../demo-products.ts";
import { LOTS } from "../job.ts";
import { pssMegabytes } from "../measure/proc.ts";
import type { Watched } from "../measure/process-watch.ts";
import { postToEdge } from "../post-to-edge.ts";

const run = promisify(execFile);
const START_MS = 180_000;
const LOOK_EVERY_MS = 250;

/** What `row status --json` says, as far as it is used here; the same in every release. */
interface Status {
  readonly processes: readonly {
    readonly name: string;
    readonly pid: number;
    readonly addresses: Record<string, string>;
  }[];
  readonly backlogs: {
    readonly outbox: Readonly<Record<string, number | null>>;
    readonly sagas: { readonly unfinished: number } | null;
  } | null;
}

export interface WhereItRuns {
  /** The folder of the code. */
  readonly checkout: string;
  readonly stateDir: string;
  readonly portBase: number;
  readonly mesh: boolean;
}

export class CommandLineShop {
  readonly #where: WhereItRuns;
  #password = "";
  #status: Status = { processes: [], backlogs: null };

  private constructor(where: WhereItRuns) {
    this.#where = where;
  }

  /** Starts on an empty state folder; resolves when the shop is ready and has enough in stock. */
  static async start(where: WhereItRuns): Promise<CommandLineShop> {
    const shop = new CommandLineShop(where);
    await shop.stop();
    const said = await shop.#row("up", "--detach", ...(where.mesh ? [] : ["--no-mesh"]));
    shop.#password = /Password\s+(\S+)/.exec(said)?.[1] ?? "";
    await shop.#look();
    await shop.#stockUp();
    return shop;
  }

  get port(): number {
    const address = this.#status.processes.find(({ name }) => name === "edge")?.addresses.http;
    return Number(address?.split(":").at(-1));
  }

  /** Everything that runs for it, stores included. */
  get processes(): Watched[] {
    return this.#status.processes.map(({ name, pid }) => ({ name, pid }));
  }

  /** PSS now, in MB, of each process that is the project's own. */
  memory(): Record<string, number> {
    const stores = /^(postgres|nats|redis)/;
    const own = this.processes.filter(({ name }) => !stores.test(name));
    return Object.fromEntries(own.map(({ name, pid }) => [name, pssMegabytes(pid)]));
  }

  async signIn(user = "alice"): Promise<string> {
    const body = { email: `${user}@example.com`, password: this.#password };
    const { accessToken } = await postToEdge(this.port, "/v1/auth/login", body);
    return String(accessToken);
  }

  /** Waits until every saga has ended and every event is published. */
  async drain(withinSeconds: number): Promise<void> {
    const end = performance.now() + withinSeconds * 1_000;
    for (;;) {
      await this.#look();
      const { backlogs } = this.#status;
      if (backlogs?.sagas?.unfinished === 0 && Object.values(backlogs.outbox).every((waiting) => waiting === 0)) return;
      if (performance.now() > end) throw new Error(`The backlog of ${this.#where.checkout} is not drained`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Stops it, and deletes its state. */
  async stop(): Promise<void> {
    await this.#row("reset", "--yes");
  }

  async #look(): Promise<void> {
    this.#status = JSON.parse(await this.#row("status", "--json"));
  }

  async #stockUp(): Promise<void> {
    const token = await this.signIn("merchant");
    for (const { id } of demoProducts()) {
      await postToEdge(this.port, `/v1/products/${id}:adjustStock`, { delta: String(LOTS), reason: "bench" }, token);
    }
  }

  /** What `row` of that checkout prints, on that checkout's own Node. */
  async #row(...args: string[]): Promise<string> {
    const { checkout, stateDir, portBase } = this.#where;
    const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(portBase) };
    const options = { cwd: checkout, env, timeout: START_MS, maxBuffer: 16 * 1024 * 1024 };
    const { stdout } = await run("npm", ["run", "--silent", "row", "--", ...args], options);
    return stdout;
  }
}
