import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";

const READY_MS = 30_000;
const STOP_MS = 3_000;

/** A process of the bench's own: it has called ready(), and ends with the bench however that ends. */
export class BenchProcess {
  readonly name: string;
  readonly child: ChildProcess;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
  }

  /** Runs a script of bench/src until `stop`; what it prints goes to a log in `logs`. */
  static async start(name: string, script: string, logs: string, env: Record<string, string> = {}) {
    const logFile = join(logs, `${name}.log`);
    const log = openSync(logFile, "a");
    const child = fork(join(import.meta.dirname, script), {
      env: { PATH: process.env.PATH, NODE_ENV: "production", ...env },
      execArgv: [],
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${name} ${why}: see ${logFile}`));
      const late = setTimeout(() => fail("did not start in time"), READY_MS);
      child.once("error", (error) => fail(error.message));
      child.once("exit", (code) => fail(`stopped with exit code ${code}`));
      child.once("message", () => {
        clearTimeout(late);
        resolve();
      });
    });
    return new BenchProcess(name, child);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.child.once("exit", resolve));
    const insist = setTimeout(() => this.child.kill("SIGKILL"), STOP_MS);
    this.child.kill("SIGTERM");
    await exited;
    clearTimeout(insist);
  }
}
