import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readContracts } from "../../src/lint/contracts.ts";
import { lintPaths } from "../../src/lint/lint.ts";
import { RULES } from "../../src/lint/rules.ts";

const FOLDER = join(import.meta.dirname, "bad");
const contracts = readContracts(readFileSync(new URL(import.meta.resolve("@row/gen/contracts.binpb"))));

for (const file of readdirSync(FOLDER).sort()) {
  const rule = file.replace(/\.yaml$/, "");
  test(`finds ${rule} where it is, and nothing else`, () => {
    const path = join(FOLDER, file);
    const expected = readFileSync(path, "utf8")
      .split("\n")
      .flatMap((line, index) => (line.includes("# here") ? [`${rule} in line ${index + 1}`] : []));
    assert.notEqual(expected.length, 0, "no line is marked with # here");
    const found = lintPaths([path], { contracts }).map((finding) => `${finding.rule} in line ${finding.line}`);
    assert.deepEqual(found, expected);
  });
}

test("there is a bad manifest for every rule, and every rule says why and what to do", () => {
  const files = readdirSync(FOLDER).map((file) => file.replace(/\.yaml$/, ""));
  assert.deepEqual(RULES.map(({ name }) => name).sort(), files.sort());
  for (const { name, why, fix } of RULES) {
    assert.match(name, /^[a-z]+(-[a-z]+)+$/);
    for (const line of [why, fix]) assert.match(line, /^[^\n]{10,}[^.\n]$/);
  }
});
