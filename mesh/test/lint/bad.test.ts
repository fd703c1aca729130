import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { readContracts } from "../../src/lint/contracts.ts";
import { lintPaths } from "../../src/lint/lint.ts";
import { RULES } from "../../src/lint/rules.ts";

const FOLDER = join(import.meta.dirname, "bad");
const contracts = readContracts(readFileSync(new URL(import.meta.resolve("@row/gen/contracts.binpb"))));

/** "lone-weight-zero.yaml", or with what is special about it, "unsupported-filter.mirror.yaml". */
function ruleOf(file: string): string {
  return file.split(".")[0] ?? "";
}

for (const file of readdirSync(FOLDER).sort()) {
  const rule = ruleOf(file);
  test(`finds ${file.replace(/\.yaml$/, "")} where it is, and nothing else`, () => {
    const path = join(FOLDER, file);
    // "# here", or "# here: rule" where the file breaks another rule as well.
    const expected = readFileSync(path, "utf8")
      .split("\n")
      .flatMap((line, index) => {
        const [mark, other] = /# here(?:: ([a-z-]+))?$/.exec(line) ?? [];
        return mark === undefined ? [] : [`${other ?? rule} in line ${index + 1}`];
      });
    assert.ok(
      expected.some((finding) => finding.startsWith(`${rule} in`)),
      "no line is marked with # here",
    );
    const found = lintPaths([path], { contracts }).map((finding) => `${finding.rule} in line ${finding.line}`);
    assert.deepEqual(found, expected);
  });
}

test("there is a bad manifest for every rule, and every rule says why and what to do", () => {
  const rules = new Set(readdirSync(FOLDER).map(ruleOf));
  assert.deepEqual(RULES.map(({ name }) => name).sort(), [...rules].sort());
  for (const { name, why, fix } of RULES) {
    assert.match(name, /^[a-z]+(-[a-z]+)+$/);
    for (const line of [why, fix]) assert.match(line, /^[^\n]{10,}[^.\n]$/);
  }
});
