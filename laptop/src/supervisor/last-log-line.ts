import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const TAIL_BYTES = 8_192;

/** The newest line since a position in the log that is worth showing to a person: the message of a JSON line, or a plain line as it is. */
export function lastLogLine(file: string, start = 0): string | undefined {
  const lines = tail(file, start)
    .split("\n")
    .map(readable)
    .filter((line) => line !== "");
  return lines.findLast((line) => /error|fatal|cannot|fail|refus/i.test(line)) ?? lines.at(-1);
}

function readable(line: string): string {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null && "msg" in entry) return String(entry.msg);
  } catch {
    // A plain line.
  }
  return line.trim();
}

function tail(file: string, start: number): string {
  try {
    const fd = openSync(file, "r");
    const { size } = fstatSync(fd);
    // One that is shorter than it was has been emptied meanwhile.
    const buffer = Buffer.alloc(Math.min(size < start ? size : size - start, TAIL_BYTES));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    closeSync(fd);
    return buffer.toString("utf8");
  } catch {
    return "";
  }
}
