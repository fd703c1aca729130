import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "vitest";
import { readResources } from "../../src/resources/read.ts";

// Every document says what is wrong with it, at which field, a part of the message, and `# here` in which line.
const documents = readFileSync(new URL("refusals.yaml", import.meta.url), "utf8").split("---\n");

for (const text of documents) {
  const [what, path, says] = text.split("\n").map((line) => line.replace(/^# (at |says )?/, ""));
  test(`refuses ${what}, and says where and what to do`, () => {
    const { resources, problems } = readResources(text, "a.yaml");
    assert.deepEqual(resources, []);
    const line = text.split("\n").findIndex((written) => written.includes("# here")) + 1;
    const [problem, ...others] = problems;
    assert.deepEqual(others, []);
    assert.deepEqual({ file: problem?.file, line: problem?.line, path: problem?.path }, { file: "a.yaml", line, path });
    assert.match(problem?.message ?? "", /^Cannot use \w+ shop\/.+: .+; /);
    assert.ok(says && problem?.message.includes(says), `the message is ${problem?.message}`);
  });
}

test("there are many of them", () => assert.ok(documents.length > 50));
