/** Structured logs, one JSON object a line on standard output. */
import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";

export type { Logger };

/** Lines are written together: a system call for each would cost more than the line. */
const BUFFERED_CHARS = 64 * 1024;
/** A quiet process still shows its lines soon. */
const FLUSH_EVERY_MS = 200;
/** What a reader who has stopped reading may make us keep. */
const MOST_CHARS = 1024 * 1024;
const WARN = 40;
const STDOUT = 1;

/** Creates a process's logger; `level` is a pino level, default "info". Warnings and worse are written at once. */
export function createLogger(fields: Record<string, string>, level = "info"): Logger {
  const output = new BufferedOutput();
  setInterval(() => output.flushSync(), FLUSH_EVERY_MS).unref();
  process.on("exit", () => output.flushSync());
  return pino(
    {
      level,
      base: fields,
      timestamp: isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // By name alone: a wildcard would double the cost of every line.
      redact: ["authorization", "password"],
      hooks: {
        logMethod(args, method, severity) {
          method.apply(this, args);
          if (severity >= WARN) output.flushSync();
        },
      },
    },
    output,
  );
}

let printedMs = 0;
let printed = "";

/** The time as pino's own isoTime has it, printed once for all lines of a millisecond: that is a quarter of what a line costs. */
function isoTime(): string {
  const now = Date.now();
  if (now !== printedMs) {
    printedMs = now;
    printed = `,"time":"${new Date(now).toISOString()}"`;
  }
  return printed;
}

/** pino's own destination never comes back from its last flush when standard output is gone. */
class BufferedOutput {
  #waiting = "";

  write(line: string): void {
    this.#waiting += line;
    if (this.#waiting.length >= BUFFERED_CHARS) this.flushSync();
  }

  flushSync(): void {
    let bytes = Buffer.from(this.#waiting);
    this.#waiting = "";
    try {
      while (bytes.length > 0) bytes = bytes.subarray(writeSync(STDOUT, bytes));
    } catch (error) {
      const isFull = error instanceof Error && "code" in error && error.code === "EAGAIN";
      // A full pipe is tried again with the next lines; when nobody reads any more, nothing is left to do.
      if (isFull && bytes.length < MOST_CHARS) this.#waiting = bytes.toString() + this.#waiting;
    }
  }
}
