import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { test } from "vitest";
import { freePort, portBase } from "./ports.ts";

const SAFE_PORTS = 32_768;

/** What another test run on this machine gets. */
async function elsewhere(): Promise<number[]> {
  const program = `import { freePort, portBase } from ${JSON.stringify(new URL("ports.ts", import.meta.url).href)};
    console.log(JSON.stringify([await portBase(), await freePort(), await freePort()]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  return JSON.parse(stdout);
}

test("two test runs at the same time get ports of their own, below those of outgoing connections", async () => {
  const here = [await portBase(), await freePort(), await freePort()];
  const there = await elsewhere();
  assert.equal(new Set([...here, ...there]).size, 6);
  for (const port of [...here, ...there]) assert.ok(port + 3_100 < SAFE_PORTS, `${port}`);
  const ranges = [here[0], there[0]].map(Number);
  assert.ok(Math.abs(Number(ranges[0]) - Number(ranges[1])) > 3_100, `${ranges}`);
});

test("what a run held is free again when its process is gone: more runs than there are ranges find one in turn", async () => {
  for (let run = 0; run < 10; run += 1) assert.equal((await elsewhere()).length, 3);
});

test("no test chooses the ports of what it starts, since another clone would choose the same", () => {
  const root = resolve(import.meta.dirname, "../..");
  const chosen =
    /\b(?:PORT_BASE|portBase) = \d|\.\.\.process\.env,[^\n]*\bROW_PORT_BASE: "\d|\bstartShop\([^;]*\bportBase: \d/;
  const tests = globSync("**/*.test.ts", { cwd: root, exclude: ["**/node_modules/**", "gen/**", ".row/**"] });
  assert.deepEqual(
    tests.filter((file) => chosen.test(readFileSync(join(root, file), "utf8"))),
    [],
  );
});
