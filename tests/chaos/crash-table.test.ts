import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "vitest";
import { CRASH_TABLE, waves } from "./crash-table.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (pattern: string) =>
  globSync(pattern, { cwd: root }).map((file) => readFileSync(resolve(root, file), "utf8"));

/** Each crash point of the code, as a pattern where its name is put together. */
function pointsInTheCode(): RegExp[] {
  const code = read("{services/*,runtime}/src/**/*.ts").join("\n");
  return [...code.matchAll(/\bcrashPoint\(["`]([^"`]+)["`]\)/g)].map(
    ([, name = ""]) => new RegExp(`^${name.replaceAll(".", "\\.").replaceAll(/\$\{[^}]*\}/g, "[a-z-]+")}$`),
  );
}

test("somebody dies at every crash point there is", () => {
  const tested = new Set(CRASH_TABLE.map(({ point }) => point));
  // What no order goes through is in the tests of the service, which say "before" and "after" at once.
  for (const source of read("services/*/test/**/*.ts")) {
    for (const [, name = ""] of source.matchAll(/["'`]((?:auth|catalog|inventory|payments)\.[a-z${}-]+)["'`]/g)) {
      for (const when of ["before", "after"]) tested.add(name.replace(/\$\{when\}/, when));
    }
  }
  const points = pointsInTheCode();
  assert.ok(points.length > 20, "the code has crash points");
  const untested = points.filter((point) => ![...tested].some((name) => point.test(name)));
  assert.deepEqual(untested.map(String), []);
});

test("the waves are the table, one row of a service at a time", () => {
  const all = waves();
  assert.equal(all.flat().length, CRASH_TABLE.length);
  assert.equal(new Set(all.flat()).size, CRASH_TABLE.length);
  for (const wave of all) assert.equal(new Set(wave.map(({ service }) => service)).size, wave.length);
});
