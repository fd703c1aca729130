/** Structured logs, one JSON object a line on standard output. */
import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger };

/** Creates a process's logger; `level` is a pino level, default "info". */
export function createLogger(fields: Record<string, string>, level = "info"): Logger {
  return pino({
    level,
    base: fields,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ["authorization", "password", "*.password", "*.authorization"],
  });
}
