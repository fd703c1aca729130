/** Processes that are held by SIGSTOP for a while: they keep their connections, and neither hear nor answer. */

import { withDescendants } from "../supervisor/process-tree.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";

interface Pause {
  /** What is held: the process that ran then, and its children. */
  readonly pids: readonly number[];
  readonly until: Date;
  readonly timer: NodeJS.Timeout;
}

export class Pauses {
  readonly #byProcess = new Map<SupervisedProcess, Pause>();

  /** Holds a process that runs, and goes on with it by itself when the time is over. */
  pause(process: SupervisedProcess, ms: number): void {
    const { pid } = process;
    if (pid === undefined) return;
    this.resume(process);
    signal([pid], "SIGSTOP");
    // From here on it starts no more of them.
    const pids = withDescendants(pid);
    signal(pids, "SIGSTOP");
    const timer = setTimeout(() => this.resume(process), ms).unref();
    this.#byProcess.set(process, { pids, until: new Date(Date.now() + ms), timer });
  }

  resume(process: SupervisedProcess): void {
    const pause = this.#byProcess.get(process);
    if (!pause) return;
    clearTimeout(pause.timer);
    this.#byProcess.delete(process);
    // Children first, so that they are there when the one that looks after them wakes.
    if (process.pid === pause.pids[0]) signal(pause.pids.toReversed(), "SIGCONT");
  }

  resumeAll(): void {
    for (const process of [...this.#byProcess.keys()]) this.resume(process);
  }

  /** Undefined for one that is not held, or was started anew since. */
  untilOf(process: SupervisedProcess): Date | undefined {
    const pause = this.#byProcess.get(process);
    return pause && process.pid === pause.pids[0] ? pause.until : undefined;
  }
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended by itself.
    }
  }
}
