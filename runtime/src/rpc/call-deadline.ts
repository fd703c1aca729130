/** How long a call is worth working on: until its deadline passes, its caller goes away, or it must end for another reason. */
import { DomainError } from "../domain-error.ts";

/** Timers count no further, and nothing here lives that long. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class CallDeadline {
  /** Made when somebody first asks for it: most handlers never do. */
  #abort: AbortController | undefined;
  #reason: DomainError | undefined;
  #reject: ((reason: DomainError) => void) | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #isOver = false;

  /** Aborts when the work is given up. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#reason) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  /** The outcome of the work, or a rejection as soon as `deadline` (by performance.now()) passes or it is given up. */
  race<T>(work: Promise<T>, deadline: number): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.giveUpAfter(
        Math.max(0, deadline - performance.now()),
        () => new DomainError("too-late", "DEADLINE_EXCEEDED", "Cannot answer in time"),
      );
      if (this.#reason) reject(this.#reason);
      work.then(resolve, reject);
    });
  }

  /** Gives up: nobody waits for the answer. Of no account when it has been answered, as nearly always. */
  callerWent(): void {
    // Making the error takes a thirtieth of what a read costs.
    if (!this.#isOver) this.giveUp(new DomainError("caller-gone", "CALLER_GONE", "The caller went away"));
  }

  /** Gives up after so many milliseconds. */
  giveUpAfter(ms: number, reason: () => DomainError): void {
    if (this.#isOver) return;
    if (ms <= LONGEST_TIMER_MS) this.#timers.push(setTimeout(() => this.giveUp(reason()), ms));
  }

  /** Whether it was given up; asking makes no signal. */
  get isGivenUp(): boolean {
    return this.#reason !== undefined;
  }

  giveUp(reason: DomainError): void {
    if (this.#isOver || this.#reason) return;
    this.#reason = reason;
    this.#abort?.abort(reason);
    this.#reject?.(reason);
  }

  /** The call has been answered: from now on there is nothing to give up. */
  end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
