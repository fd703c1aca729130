/** Lines of logs: when each was written, how bad it is, and how it looks to a person. */
import { bad, lesser, warning } from "./colours.ts";

export interface LogLine {
  readonly instance: string;
  readonly text: string;
  /** Milliseconds since the epoch; of a line that does not say, that of the line before it. */
  readonly timeMs: number;
  /** As pino names them; undefined for a line that does not say. */
  readonly level: string | undefined;
  /** The fields of a structured line. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** From what can be ignored to what cannot. */
export const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

export function readLine(instance: string, text: string, beforeMs: number): LogLine {
  const fields = fieldsOf(text);
  const timeMs = Date.parse(String(fields?.time ?? startOf(text)));
  const level = typeof fields?.level === "string" ? fields.level : undefined;
  return { instance, text, fields, level, timeMs: Number.isNaN(timeMs) ? beforeMs : timeMs };
}

/** A line that does not say how bad it is belongs to none of the levels that are asked for, but to all of them when none is. */
export function isAtLeast({ level }: LogLine, lowest: string): boolean {
  return level !== undefined && LEVELS.indexOf(level) >= LEVELS.indexOf(lowest);
}

/** "12:01:02.345 WARN  ready  listen=127.0.0.1:5053" */
export function render({ text, fields, level = "", timeMs }: LogLine): string {
  if (!fields) return text;
  const {
    msg,
    time: _time,
    level: _level,
    service: _service,
    version: _version,
    instance: _instance,
    err,
    ...rest
  } = fields;
  const details = Object.entries(rest).map(([name, value]) => lesser(`${name}=${plain(value)}`));
  const stack = isObject(err) ? [`\n${String(err.stack ?? err.message ?? plain(err))}`] : [];
  const clock = lesser(new Date(timeMs).toISOString().slice(11, -1));
  return (
    [clock, painted(level.toUpperCase().padEnd(5), level), String(msg ?? ""), ...details].join(" ") + stack.join("")
  );
}

function painted(text: string, level: string): string {
  if (level === "error" || level === "fatal") return bad(text);
  return level === "warn" ? warning(text) : text;
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function fieldsOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The time that Postgres ("2026-11-30 01:02:03.456 UTC [7]"), NATS ("[7] 2026/11/30 01:02:03.456") and Redis ("7:M 30 Nov 2026 01:02:03.456") begin a line with. */
function startOf(text: string): string {
  const [, utc] = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ UTC)/.exec(text) ?? [];
  if (utc) return utc;
  const [, nats] = /^\[\d+\] (\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{3})/.exec(text) ?? [];
  const [, redis] = /^\d+:\w (\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3})/.exec(text) ?? [];
  return nats ?? redis ?? "";
}
