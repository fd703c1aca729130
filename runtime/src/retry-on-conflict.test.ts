import assert from "node:assert/strict";
import { test } from "vitest";
import { DomainError } from "./domain-error.ts";
import { retryOnConflict } from "./retry-on-conflict.ts";

test("what was overtaken is decided anew, until it is not", async () => {
  const answers = [undefined, undefined, "done", "too often"];
  assert.equal(await retryOnConflict("write", async () => answers.shift()), "done");
  assert.deepEqual(answers, ["too often"]);
});

test("whoever is overtaken each time is told so, after as many tries as were asked for", async () => {
  let made = 0;
  const attempt = async () => {
    made += 1;
    return undefined;
  };
  const overtaken = retryOnConflict('change "p-1"', attempt, { tries: 3 });
  await assert.rejects(overtaken, (error) => {
    assert.ok(error instanceof DomainError);
    assert.deepEqual([error.kind, error.reason], ["aborted", "CONFLICT"]);
    assert.match(error.message, /^Cannot change "p-1" just now/);
    return true;
  });
  assert.equal(made, 3);
});

test("an error is no conflict, and not tried again", async () => {
  let made = 0;
  const failing = retryOnConflict("write", async () => {
    made += 1;
    throw new Error("no");
  });
  await assert.rejects(failing, /^Error: no$/);
  assert.equal(made, 1);
});
