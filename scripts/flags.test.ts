import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";

const root = join(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const run = (script: string, ...words: string[]) => {
  const [, file = ""] = /^node (\S+)/.exec(scripts[script]) ?? [];
  return spawnSync(process.execPath, [join(root, file), ...words], { cwd: root, encoding: "utf8", timeout: 60_000 });
};

for (const script of [
  "check",
  "bench",
  "chaos",
  "attack",
  "mesh-load",
  "experiments",
  "judge-sim",
  "release:contract",
  "k8s:render",
]) {
  test(`npm run ${script} -- --help says what it does, and does nothing`, () => {
    const { stdout, stderr, status } = run(script, "--help");
    assert.deepEqual([stderr, status], ["", 0]);
    assert.match(stdout, new RegExp(`^npm run ${script}`));
    assert.match(stdout, /\n\n[A-Z].*\.\n/);
  });
}

for (const script of [
  "check",
  "bench",
  "chaos",
  "attack",
  "mesh-load",
  "experiments",
  "judge-sim",
  "release:contract",
]) {
  test(`npm run ${script} names a flag that it does not know, without a stack`, () => {
    const { stderr, status } = run(script, "--nothing");
    assert.equal(status, 2);
    assert.match(stderr, /^Unknown option '--nothing'.*\n\(--help says what there is\)\n$/);
  });
}
