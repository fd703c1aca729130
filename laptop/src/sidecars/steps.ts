/** Changes that hold together: when one fails, or whoever asked for them is gone, those before it are taken back, the last first. */
import { messageOf } from "@row/topology/row-error.ts";

/**
 * Does one thing. `undo` takes it back should it or a later one fail, so it must be safe after all of it, half of it or nothing.
 * Without one there is nothing to take back.
 */
export type Step = <Made>(act: () => Promise<Made> | Made, undo?: () => unknown) => Promise<Made>;

export interface StepOptions {
  /** Aborted when nobody waits for the change any more: no further step begins, unless there is no going back. */
  readonly signal: AbortSignal;
  /** Told what could not be taken back. */
  readonly report: (text: string) => void;
}

/** Answers what the work answers. Rejects with what made it fail, once all is taken back. */
export async function inSteps<Answer>(
  { signal, report }: StepOptions,
  work: (step: Step) => Promise<Answer>,
): Promise<Answer> {
  const undos: (() => unknown)[] = [];
  const step: Step = async (act, undo) => {
    signal.throwIfAborted();
    if (undo) undos.push(undo);
    return act();
  };
  try {
    return await work(step);
  } catch (error) {
    for (const undo of undos.toReversed()) {
      try {
        await undo();
      } catch (failure) {
        report(`a change that failed is not taken back in full: ${messageOf(failure)}`);
      }
    }
    throw error;
  }
}

/** Waits no longer than until the signal is aborted; what was begun is for the undo to end. */
export async function orAborted<Answer>(work: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  if (signal.aborted) signal.throwIfAborted();
  const gone = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: gone.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    gone.abort();
    work.catch(() => {});
  }
}
