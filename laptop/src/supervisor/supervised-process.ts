import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, renameSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { lastLogLine } from "./last-log-line.ts";
import { MOST_LOG_BYTES } from "./log-rotation.ts";
import { identify } from "./process-identity.ts";
import type { RunRecord } from "./run-record.ts";

export interface ProcessSpec {
  /** Unique in the shop, such as `orders-v1-1` or `postgres`. */
  name: string;
  service: string;
  version: string;
  command: string;
  /** Asked for at each start where they may change. */
  args: readonly string[] | (() => readonly string[]);
  cwd: string;
  env: Record<string, string>;
  addresses: Record<string, string>;
  logFile: string;
  /** Answers whether the process serves now; asked again and again until it does. */
  isReady: () => Promise<boolean>;
  /** Whether it does what it is there for, once it was ready: what fails this for long is killed and started again. Within 5 s. */
  isAlive?: () => Promise<boolean>;
  /** Is done one day: when it ends, for whatever reason, it is not started again. */
  endsByItself?: boolean;
  /** How long it may fail; 30 s unless told. */
  deadAfterMs?: number;
  /** Done before each start, the first one included. */
  prepare?: () => void;
  user?: { uid: number; gid: number };
  stopSignal?: NodeJS.Signals;
  stopMs?: number;
  /** The longest wait before it is started again, when it keeps dying; 10 s unless told. */
  longestBackoffMs?: number;
}

export type ProcessState = "starting" | "ready" | "waiting" | "stopping" | "stopped";

const READY_POLL_MS = 40;
const LIFE_POLL_MS = 2_000;
const DEAD_AFTER_MS = 30_000;
const STOP_MS = 12_000;
const TAKE_OVER_MS = 60_000;
const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 10_000;
const HEALTHY_AFTER_MS = 5_000;
const EXITS_UNTIL_HOPELESS = 4;

// Children are in groups of their own, so whoever supervises them and ends early, as a failing test does, must end them.
const running = new Set<SupervisedProcess>();
process.on("exit", () => {
  for (const child of running) child.kill(child.spec.stopSignal ?? "SIGTERM");
});

/** One child in a process group of its own, started again with backoff whenever it dies before it is told to stop. */
export class SupervisedProcess {
  readonly spec: ProcessSpec;
  state: ProcessState = "stopped";
  restarts = 0;
  /** How long its last start took until it served; undefined while it does not. */
  readyAfterMs: number | undefined;
  readonly #record: RunRecord;
  readonly #onChange: (process: SupervisedProcess, note: string) => void;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #wanted = false;
  #startedAt = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  #exitsBeforeReady = 0;
  #retry: NodeJS.Timeout | undefined;
  #lastExit = "";
  #logStart = 0;

  constructor(spec: ProcessSpec, record: RunRecord, onChange: (process: SupervisedProcess, note: string) => void) {
    this.spec = spec;
    this.#record = record;
    this.#onChange = onChange;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#exitsBeforeReady = 0;
    this.#backoffMs = FIRST_BACKOFF_MS;
    this.#spawn();
  }

  /** Resolves once the process serves; rejects when it keeps dying or is not there in time. */
  async whenReady(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (this.state !== "ready") {
      if (this.spec.endsByItself && this.#lastExit) throw this.#failure(`has ended (${this.#lastExit})`);
      if (!this.#wanted) throw new RowError(`${this.spec.name} was stopped`);
      if (this.#exitsBeforeReady >= EXITS_UNTIL_HOPELESS) throw this.#failure(`keeps stopping (${this.#lastExit})`);
      if (performance.now() > end) throw this.#failure(`is not ready after ${Math.round(timeoutMs / 1000)} s`);
      await sleep(READY_POLL_MS);
    }
  }

  /** Asks the process to end, insists after a while, and resolves when it is gone. */
  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#retry);
    const child = this.#child;
    if (!child?.pid) {
      this.state = "stopped";
      return;
    }
    this.state = "stopping";
    const insist = setTimeout(() => this.#signalGroup("SIGKILL"), this.spec.stopMs ?? STOP_MS);
    child.kill(this.spec.stopSignal ?? "SIGTERM");
    // A process held by SIGSTOP would sleep through the signal.
    child.kill("SIGCONT");
    await this.#exited;
    clearTimeout(insist);
    this.state = "stopped";
  }

  async restart(): Promise<void> {
    await this.stop();
    this.restarts += 1;
    this.start();
  }

  /**
   * Starts another process and stops this one once `hasTakenOver` says that the other serves: at every moment one does. Rejects,
   * and leaves this one as it is, when the other does not get there.
   */
  async replace(hasTakenOver: () => boolean): Promise<void> {
    const old = this.#child;
    if (!old || this.state !== "ready") return this.restart();
    const oldExited = this.#exited;
    const logStart = this.#logStart;
    const next = this.#launch({ ...this.spec.env, TAKES_OVER: "yes" });
    const end = performance.now() + TAKE_OVER_MS;
    while (!hasTakenOver()) {
      const isGone = next.child.exitCode !== null || next.child.signalCode !== null || next.child.pid === undefined;
      if (isGone || this.#child !== old || performance.now() > end) {
        next.child.kill("SIGKILL");
        await next.exited;
        const failure = this.#failure(
          isGone ? "cannot take over from the one that runs" : "does not take over in time",
        );
        this.#logStart = logStart;
        throw failure;
      }
      await sleep(READY_POLL_MS);
    }
    this.#child = next.child;
    this.#exited = next.exited;
    this.restarts += 1;
    this.#note(old, leaving(this.spec.name));
    this.#note(next.child, this.spec.name);
    old.kill(this.spec.stopSignal ?? "SIGTERM");
    const insist = setTimeout(() => signalGroup(old.pid ?? 0, "SIGKILL"), this.spec.stopMs ?? STOP_MS);
    await oldExited;
    clearTimeout(insist);
    // Probes find it once it has the ports of the old one too.
    while (this.#child === next.child && performance.now() < end) {
      if (await this.spec.isReady().catch(() => false)) break;
      await sleep(READY_POLL_MS);
    }
    void this.#watchLife(next.child);
  }

  /** Sends a signal to the process alone; what happens next is up to it and to the restart rule. */
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  #spawn(): void {
    this.state = "starting";
    this.#startedAt = performance.now();
    this.readyAfterMs = undefined;
    try {
      this.spec.prepare?.();
    } catch (error) {
      this.#afterExit(`cannot be prepared: ${messageOf(error)}`, undefined);
      return;
    }
    const { child, exited } = this.#launch(this.spec.env);
    this.#child = child;
    this.#exited = exited;
    this.#note(child, this.spec.name);
    void this.#watchReadiness(child);
  }

  #launch(env: Record<string, string>): { child: ChildProcess; exited: Promise<void> } {
    const { command, args, cwd, user, logFile } = this.spec;
    rotate(logFile);
    const log = openSync(logFile, "a", 0o600);
    this.#logStart = fstatSync(log).size;
    // Its own process group: the terminal's Ctrl-C reaches only the supervisor, which stops its children in order.
    const given = typeof args === "function" ? args() : args;
    const child = spawn(command, given, { cwd, env, detached: true, stdio: ["ignore", log, log], ...user });
    closeSync(log);
    running.add(this);
    const exited = new Promise<void>((resolve) => {
      const ended = (how: string) => {
        this.#ended(child, how);
        resolve();
      };
      child.once("error", (error) => {
        if (child.pid === undefined) ended(error.message);
      });
      child.once("exit", (code, signal) => ended(signal ? `killed by ${signal}` : `exit code ${code}`));
    });
    return { child, exited };
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) {
      // It was replaced, or never took over.
      this.#record.delete(leaving(this.spec.name));
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
      return;
    }
    this.#child = undefined;
    running.delete(this);
    this.#record.delete(this.spec.name);
    this.#afterExit(how, child.pid);
  }

  #note({ pid }: ChildProcess, name: string): void {
    const identity = pid === undefined ? undefined : identify(pid);
    if (identity) this.#record.set({ name, stopSignal: this.spec.stopSignal ?? "SIGTERM", ...identity });
  }

  async #watchReadiness(child: ChildProcess): Promise<void> {
    while (this.#child === child && this.state === "starting") {
      const ready = await this.spec.isReady().catch(() => false);
      if (this.#child !== child || this.state !== "starting") return;
      if (ready) {
        this.state = "ready";
        this.readyAfterMs = performance.now() - this.#startedAt;
        this.#exitsBeforeReady = 0;
        this.#onChange(this, "ready");
        void this.#watchLife(child);
        return;
      }
      await sleep(READY_POLL_MS);
    }
  }

  async #watchLife(child: ChildProcess): Promise<void> {
    const { isAlive, deadAfterMs = DEAD_AFTER_MS } = this.spec;
    if (!isAlive) return;
    const runs = () => this.#child === child && this.state === "ready";
    for (let aliveTime = performance.now(); runs(); await sleep(LIFE_POLL_MS, undefined, { ref: false })) {
      if (await isAlive().catch(() => false)) aliveTime = performance.now();
      const silentMs = performance.now() - aliveTime;
      if (!runs() || silentMs < deadAfterMs) continue;
      this.#onChange(this, `runs and has done no work for ${Math.round(silentMs / 1_000)} s: it is started again`);
      child.kill(this.spec.stopSignal ?? "SIGTERM");
      await Promise.race([this.#exited, sleep(this.spec.stopMs ?? STOP_MS, undefined, { ref: false })]);
      if (this.#child === child) this.#signalGroup("SIGKILL");
      return;
    }
  }

  #afterExit(how: string, pid: number | undefined): void {
    // Whatever it left in its group must not outlive it and hold its port.
    if (pid !== undefined) signalGroup(pid, "SIGKILL");
    if (!this.#wanted) return;
    this.#lastExit = how;
    if (this.spec.endsByItself) {
      this.#wanted = false;
      this.state = "stopped";
      this.#onChange(this, `has ended (${how})`);
      return;
    }
    if (this.state === "starting") this.#exitsBeforeReady += 1;
    if (performance.now() - this.#startedAt > HEALTHY_AFTER_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const wait = this.#backoffMs;
    this.#backoffMs = Math.min(wait * 2, this.spec.longestBackoffMs ?? LONGEST_BACKOFF_MS);
    this.state = "waiting";
    this.#onChange(this, `stopped (${how}), starting again in ${wait / 1000} s`);
    this.#retry = setTimeout(() => {
      this.restarts += 1;
      this.#spawn();
    }, wait);
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#child?.pid) signalGroup(this.#child.pid, signal);
  }

  #failure(what: string): RowError {
    const { name, logFile } = this.spec;
    const line = lastLogLine(logFile, this.#logStart);
    return new RowError(`${name} ${what}${line ? `: ${line}` : ""}\nIts log is ${logFile}`);
  }
}

/** How the record names a process that another has taken over from. */
function leaving(name: string): string {
  return `${name} (leaving)`;
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // Nobody is left in the group.
  }
}

function rotate(logFile: string): void {
  try {
    if (statSync(logFile).size > MOST_LOG_BYTES) renameSync(logFile, `${logFile}.1`);
  } catch {
    // No log yet.
  }
}
