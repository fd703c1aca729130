import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const START_MS = 30_000;

/** A Docker engine: the one that answers here, or one of our own with its data in a folder that is deleted with it. */
export class Engine {
  /** For DOCKER_HOST; undefined for the engine that answers anyway. */
  readonly host: string | undefined;
  readonly #process: ChildProcess | undefined;
  readonly #folder: string | undefined;

  private constructor(own?: { process: ChildProcess; folder: string; host: string }) {
    this.host = own?.host;
    this.#process = own?.process;
    this.#folder = own?.folder;
  }

  /** Answers why not, where none answers and none can be started. */
  static async find(): Promise<Engine | string> {
    if (process.platform !== "linux") return "containers share the machine's network on Linux only";
    const present = new Engine();
    if (present.#answers()) return present;
    const dockerd = ["/usr/sbin/dockerd", "/usr/bin/dockerd"].find((path) => existsSync(path));
    if (!dockerd) return "no Docker engine answers, and none is installed";
    if (process.getuid?.() !== 0) return "no Docker engine answers, and only root can start one";
    return Engine.#start(dockerd);
  }

  static async #start(dockerd: string): Promise<Engine | string> {
    const folder = mkdtempSync(join(tmpdir(), "row-docker-"));
    const host = `unix://${folder}/docker.sock`;
    const log = openSync(join(folder, "log"), "a");
    // No bridge, so that nobody's firewall is touched: builds and containers use the machine's network.
    const places = ["--data-root", `${folder}/data`, "--exec-root", `${folder}/exec`, "--pidfile", `${folder}/pid`];
    const network = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
    const child = spawn(dockerd, [...places, "--host", host, ...network], { stdio: ["ignore", log, log] });
    child.once("error", () => {});
    const engine = new Engine({ process: child, folder, host });
    const deadline = performance.now() + START_MS;
    while (!engine.#answers()) {
      if (child.exitCode !== null || performance.now() > deadline) {
        const said = readFileSync(join(folder, "log"), "utf8").trim().split("\n").at(-1);
        await engine.stop();
        return `the Docker engine does not start: ${said}`;
      }
      await sleep(200);
    }
    return engine;
  }

  get isOurs(): boolean {
    return this.#process !== undefined;
  }

  get environment(): NodeJS.ProcessEnv {
    return this.host ? { ...process.env, DOCKER_HOST: this.host } : process.env;
  }

  #answers(): boolean {
    try {
      execFileSync("docker", ["version"], { env: this.environment, stdio: "ignore", timeout: 10_000 });
      return true;
    } catch {
      return false;
    }
  }

  /** Runs a docker command and answers what it printed; what it complained of is in the error. */
  async docker(args: string[], options: { shown?: boolean } = {}): Promise<string> {
    const output = options.shown ? "inherit" : "pipe";
    const child = spawn("docker", args, { env: this.environment, stdio: ["ignore", "pipe", output] });
    let printed = "";
    let complaint = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk;
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk;
    });
    const [code] = await once(child, "close");
    if (code === 0) return printed.trim();
    const end = `${printed}\n${complaint}`.trim().split("\n").slice(-30).join("\n");
    throw new Error(`Cannot run docker ${args[0]}: exit code ${code}\n${end}`);
  }

  /** Ends the engine if it is ours, and leaves nothing of it. */
  async stop(): Promise<void> {
    if (!this.#process || !this.#folder) return;
    if (this.#process.exitCode === null && this.#process.pid !== undefined) {
      this.#process.kill("SIGTERM");
      await once(this.#process, "exit");
    }
    // Docker leaves mounts behind, such as a namespace of the network: nothing can be deleted around them.
    const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
    for (const mount of mounts.map((line) => line.split(" ")[1] ?? "").toReversed()) {
      if (mount.startsWith(`${this.#folder}/`)) execFileSync("bash", ["-c", 'umount --lazy "$0"', mount]);
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
