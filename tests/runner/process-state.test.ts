/** Files share a process only when none of them is about what a process has once. */
import assert from "node:assert/strict";
import { test } from "vitest";
import { needsItsProcess } from "./process-state.ts";

for (const [what, line] of Object.entries({
  "sets the clock": 'vi.useFakeTimers({ toFake: ["Date"], now: 0 });',
  "puts something else in place of a global": "globalThis.fetch = () => {};",
  "sets a variable": 'process.env.TZ = "UTC";',
  "goes to another folder": 'process.chdir("/");',
  "listens to signals": 'process.once("SIGTERM", stop);',
  "measures the heap": 'import { setFlagsFromString } from "node:v8";',
  "measures its time": "const { user } = process.cpuUsage();",
  "starts a process": 'import { spawn } from "node:child_process";',
  "listens on a port": "const server = createServer().listen(0);",
  "registers with OpenTelemetry": 'import { trace } from "@opentelemetry/api";',
})) {
  test(`a file that ${what} has a process of its own`, () => {
    assert.equal(needsItsProcess(`import { test } from "vitest";\n${line}\n`), true);
  });
}

test("a file that computes shares its process", () => {
  const text =
    'import { test } from "vitest";\nimport { vies } from "./vies.ts";\ntest("1 is 1", () => assert.equal(vies(1), 1));\n';
  assert.equal(needsItsProcess(text), false);
});
