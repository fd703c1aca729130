/** Hears that somebody wants a command to end, which it then does in order. */

/** Ctrl-C under npm arrives twice, from the terminal and from npm; only one that comes much later means "at once". */
const REPEATED_AFTER_MS = 3_000;

export interface StopSignal {
  /** Aborted at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Listens no more. */
  end(): void;
}

/** @param onStop hears of the first @param atOnce of those who do not want to wait for the rest; ends the process unless given */
export function listenForStop(onStop: () => void, atOnce: () => void = () => process.exit(130)): StopSignal {
  const stop = new AbortController();
  let first: number | undefined;
  const onSignal = () => {
    if (first === undefined) {
      first = performance.now();
      onStop();
      stop.abort(new Error("somebody ended it"));
    } else if (performance.now() - first > REPEATED_AFTER_MS) atOnce();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    signal: stop.signal,
    end: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
