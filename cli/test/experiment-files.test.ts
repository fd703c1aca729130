/** `row experiment list` and `lint` as a user runs them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestContext, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const MAIN = join(ROOT, "cli/src/main.ts");
const ERRORS = readFileSync(join(ROOT, "mesh/experiments/errors.yaml"), "utf8");

function experiment(...args: string[]) {
  const env = { ...process.env, NO_COLOR: "1" };
  return spawnSync(process.execPath, [MAIN, "experiment", ...args], { cwd: ROOT, env, encoding: "utf8" });
}

test("lists the project's experiments with their service, canary, load and weights", () => {
  const { status, stdout } = experiment("list");
  assert.equal(status, 0);
  assert.match(stdout, /^NAME +SERVICE +STABLE +CANARY +IS +LOAD +WEIGHTS\n/);
  assert.match(stdout, /\nerrors +catalog +v1 +v2 +errors=5%:INTERNAL +read 200\/s +80\/10\/10 0\/50\/50\n/);
  assert.match(stdout, /\na-a +catalog +v1 +v2 +as stable +read 200\/s|^a-a +catalog/m);
  const listed = JSON.parse(experiment("list", "--json").stdout);
  assert.equal(listed.length, 13);
  assert.equal(listed.find(({ name }: { name: string }) => name === "errors")?.canary.behaviour, "errors=5%:INTERNAL");
});

test("finds nothing wrong with the project's own experiments", () => {
  assert.deepEqual(experiment("lint").stdout, "13 experiments are fine\n");
});

test("names file, line and field of what is wrong, and exits with 1", (context) => {
  const file = fileWith(context, ERRORS.replace("service: catalog", "service: catalgo"));
  const { status, stdout } = experiment("lint", file);
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^\S+errors\.yaml:7: Cannot use Experiment errors, spec\.service: there is no service "catalgo";/,
  );
  const [problem] = JSON.parse(experiment("lint", "--json", file).stdout);
  assert.deepEqual([problem.line, problem.path], [7, "spec.service"]);
});

test("holds the files against what was measured of stable", (context) => {
  const file = fileWith(context, `${ERRORS}  gates: [{ metric: failures, ceiling: 1% }]\n`);
  assert.equal(experiment("lint", file).status, 0);
  const { status, stdout } = experiment("lint", file, "--measured", "failures=0.7%");
  assert.equal(status, 1);
  assert.match(stdout, /spec\.gates\[0\]\.ceiling: stable itself has 0\.7%; write at least 1\.4%/);
  assert.match(experiment("lint", file, "--measured", "0.7%").stderr, /^Cannot read "0\.7%": write metric=share/);
});

test("refuses two experiments of one name, and a file that is not there", (context) => {
  const { stdout } = experiment("lint", "mesh/experiments/errors.yaml", fileWith(context, ERRORS));
  assert.match(
    stdout,
    /Cannot use Experiment errors: it is also written in mesh\/experiments\/errors\.yaml:3; rename one/,
  );
  assert.match(experiment("lint", "none.yaml").stderr, /^Cannot read none\.yaml: there is no such file or folder\n/);
});

function fileWith(context: Pick<TestContext, "onTestFinished">, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "row-experiments-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "errors.yaml");
  writeFileSync(file, text);
  return file;
}
