// The reporter, by runs of files that go wrong in one way each (tests/runner/fixtures).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "vitest";

const FIXTURES = join(import.meta.dirname, "fixtures");

async function run(file: string, env: Record<string, string> = {}, ...options: string[]) {
  const { CI: _ci, ...inherited } = process.env;
  const child = spawn("vitest", ["run", "--config", join(FIXTURES, "vitest.config.ts"), file, ...options], {
    cwd: FIXTURES,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, , [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: Number(code), output, lastLine: output.trimEnd().split("\n").at(-1) };
}

test("a run that holds ends with its count and with 0", async () => {
  const { code, lastLine } = await run("passes");
  assert.deepEqual({ code, lastLine }, { code: 0, lastLine: "2 passed, 0 failed" });
});

for (const [what, file, lastLine, says] of [
  [
    "a test that fails",
    "wrong",
    "1 passed, 1 failed",
    /✖ wrong\.test\.ts +1 passed, 1 failed.*\n.*a part > does not hold/,
  ],
  [
    "a file that cannot be loaded",
    "does-not-load",
    "0 passed, 1 failed",
    /does-not-load\.test\.ts\n.*cannot be loaded/,
  ],
  [
    "an error that comes when its test is over",
    "late-error",
    "2 passed, 1 failed",
    /an error that no test caught\n.*came late/,
  ],
  ["a hook that fails before any test", "first-hook-fails", "0 passed, 1 failed", /nothing to test/],
  ["a hook that fails after the last test", "last-hook-fails", "1 passed, 1 failed", /something is left/],
  ["a test that keeps others from being run", "focused", "0 passed, 1 failed", /Unexpected \.only/],
  ["a file without tests", "empty", "0 passed, 1 failed", /No test suite found/],
  ["a process that dies", "dies", "0 passed, 1 failed", /dies\.test\.ts/],
  ["a name that no file has", "no-such-file", "0 passed, 1 failed", /No test ran: no file/],
] as const) {
  test(`counts ${what} as failed`, async () => {
    const { code, output, ...end } = await run(file);
    assert.match(output, says);
    assert.deepEqual({ code, ...end }, { code: 1, lastLine });
  });
}

test("a shared shop that does not start is a failure", async () => {
  const { code, lastLine } = await run("passes", { ROW_BROKEN_SETUP: "yes" });
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "0 passed, 1 failed" });
});

test("counts coverage below its floor as failed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "row-coverage-"));
  const options = {
    include: "half-covered.ts",
    reporter: "text",
    reportsDirectory: folder,
    "thresholds.functions": "51",
  };
  const words = Object.entries(options).map(([name, value]) => `--coverage.${name}=${value}`);
  const { code, output, lastLine } = await run("half-covered", {}, "--coverage", ...words);
  assert.match(output, /half-covered\.ts +\| .* 50 /);
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "1 passed, 1 failed" });
});

test("lists each skip with its reason", async () => {
  const { code, output, lastLine } = await run("skips");
  assert.match(output, /skipped: needs psql: there is no psql\n/);
  assert.match(output, /skipped: is for another day: it is raining\n/);
  assert.match(output, /skipped: is put aside: no reason given\n/);
  assert.deepEqual({ code, lastLine }, { code: 0, lastLine: "1 passed, 0 failed" });
});

test("in CI a skip for a reason that is not listed is a failure", async () => {
  const { code, output, lastLine } = await run("skips", { CI: "true" });
  assert.match(
    output,
    /skips\.test\.ts: is for another day\n.*it is raining\. tests\/runner\/allowed-skips\.ts does not list/,
  );
  assert.doesNotMatch(output, /skips\.test\.ts: needs psql/);
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "1 passed, 2 failed" });
});

test("what a name pattern leaves out is not skipped", async () => {
  const { code, output, lastLine } = await run("passes", { CI: "true" }, "-t", "holds too");
  assert.doesNotMatch(output, /skipped/);
  assert.deepEqual({ code, lastLine }, { code: 0, lastLine: "1 passed, 0 failed" });
});
