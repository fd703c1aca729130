import { chmodSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { stopLeftovers } from "@row/laptop/supervisor/run-record.ts";

/** What became of the tests of one file. */
export interface FileResult {
  file: string;
  passed: number;
  failures: { name: string; text: string }[];
  skipped: { name: string; reason: string }[];
  ms: number;
  /** The end of what it printed. */
  output: string;
}

/** A file that takes longer hangs. */
const LONGEST_MS = 240_000;
const OUTPUT_CHARS = 4_000;

/** Runs one test file in a process of its own. A file without tests, or that fails outside of them, counts as a failure. */
export async function runTestFile(root: string, file: string, interrupted: AbortSignal): Promise<FileResult> {
  const path = join(root, file);
  const result: FileResult = { file, passed: 0, failures: [], skipped: [], ms: 0, output: "" };
  const began = performance.now();
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(LONGEST_MS)]);
  const place = mkdtempSync(join(tmpdir(), "row-t-"));
  chmodSync(place, 0o711); // as root, Postgres runs as another user, who has to get to folders below
  try {
    for await (const { type, data } of run({
      files: [path],
      cwd: root,
      signal,
      env: { ...process.env, TMPDIR: place },
    })) {
      if (type === "test:stdout" || type === "test:stderr") result.output += data.message;
      if (type !== "test:pass" && type !== "test:fail") continue;
      const isTheFile = data.name === path;
      const isSuite = data.details.type === "suite";
      if (typeof data.skip === "string" || data.skip) {
        result.skipped.push({ name: data.name, reason: typeof data.skip === "string" ? data.skip : "no reason given" });
      } else if (type === "test:fail") {
        const { error } = data.details;
        const cause = error.cause ?? error;
        // A parent fails with its children, which have said why.
        if ("failureType" in error && error.failureType === "subtestsFailed") continue;
        if (isTheFile && result.failures.length > 0) continue;
        result.failures.push({ name: isTheFile ? "the file as a whole" : data.name, text: explain(cause) });
      } else if (isTheFile) {
        result.failures.push({ name: "the file as a whole", text: "It contains no tests" });
      } else if (!isSuite) {
        result.passed += 1;
      }
    }
  } finally {
    await tidyUp(place).catch((error: unknown) => {
      result.output += `\nCannot tidy up after it: ${error}`;
    });
  }
  result.ms = performance.now() - began;
  result.output = result.output.slice(-OUTPUT_CHARS).trimEnd();
  return result;
}

/** Stops what a file that was cut off left running, on ports that the next run wants, and deletes what it left behind. */
async function tidyUp(place: string): Promise<void> {
  for (const record of globSync("**/processes.json", { cwd: place })) {
    const stateDir = join(place, dirname(record));
    await stopLeftovers(stateDir);
    removeState(stateDir);
  }
  rmSync(place, { recursive: true, force: true });
}

function explain(cause: unknown): string {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return stripVTControlCharacters(text)
    .split("\n")
    .filter((line) => !/^\s+at .*\(?node:/.test(line))
    .join("\n");
}
