/** Structured logs, one JSON object a line on standard output. */
import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger };

/** Lines are written together: a system call for each would cost more than the line. */
const BUFFERED_BYTES = 8 * 1024;
/** A quiet process still shows its lines soon. */
const FLUSH_EVERY_MS = 200;
const WARN = 40;

/** Creates a process's logger; `level` is a pino level, default "info". Warnings and worse are written at once. */
export function createLogger(fields: Record<string, string>, level = "info"): Logger {
  const output = pino.destination({ dest: 1, sync: false, minLength: BUFFERED_BYTES });
  setInterval(() => output.flush(), FLUSH_EVERY_MS).unref();
  process.on("exit", () => flushNow(output));
  return pino(
    {
      level,
      base: fields,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ["authorization", "password", "*.password", "*.authorization"],
      hooks: {
        logMethod(args, method, severity) {
          method.apply(this, args);
          if (severity >= WARN) output.flush();
        },
      },
    },
    output,
  );
}

function flushNow(output: { flushSync(): void }): void {
  try {
    output.flushSync();
  } catch {
    // standard output is gone, or was never opened: nobody reads it
  }
}
