/** Asks HAProxy whether it can use a configuration. */
import { execFile } from "node:child_process";

const DEADLINE_MS = 10_000;

/** Rejects with HAProxy's own words when the file cannot be used; warnings are no reason. */
export function checkConfiguration(program: string, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, ["-c", "-f", file], { timeout: DEADLINE_MS }, (error, _output, printed) => {
      if (!error) return resolve();
      const reason = error.code === "ENOENT" ? `${program} does not exist` : complaints(printed, file);
      reject(new Error(`Cannot use ${file}: ${reason || error.message}`));
    });
  });
}

/** "[ALERT] (29911) : config : parsing [/…/haproxy.cfg:16] : unknown keyword" → "line 16: unknown keyword" */
export function complaints(printed: string, file: string): string {
  const alerts = printed
    .split("\n")
    .filter((line) => line.startsWith("[ALERT]"))
    .map((line) => line.replace(/^\[ALERT\]\s*\(\d+\) : (config : )?/, ""));
  const found = alerts.filter((line) => !/^(Error\(s\) found in|Fatal errors found in)/.test(line));
  const where = `parsing [${file}:`;
  return (found.length > 0 ? found : alerts)
    .map((line) => {
      if (!line.startsWith(where)) return line;
      const end = line.indexOf("]");
      return `line ${line.slice(where.length, end)}: ${line.slice(end + 1).replace(/^ : /, "")}`;
    })
    .map((line) => line.trim().replace(/\.$/, ""))
    .join("; ");
}
