/** What an experiment makes of a source that is late, or silent for good. */
import assert from "node:assert/strict";
import { PatientReader, type Source } from "@row/laptop/experiments/source.ts";
import { test, vi } from "vitest";

const NO_REQUESTS = { requests: { stable: 0, baseline: 0, canary: 0 }, metrics: {} };

function sourceOf(read: Source["read"]): Source {
  return { name: "requests", read, close: async () => {} };
}

test("a late answer holds up no look, and is told by the next", async () => {
  let answer: (part: typeof NO_REQUESTS) => void = () => {};
  let asked = 0;
  const reader = new PatientReader(
    sourceOf(() => {
      asked += 1;
      return new Promise((resolve) => (answer = resolve));
    }),
  );
  assert.deepEqual(await reader.look(5), {});
  assert.deepEqual(await reader.look(5), {});
  assert.equal(asked, 1, "it is not asked twice at once");
  answer(NO_REQUESTS);
  assert.deepEqual(await reader.look(1_000), NO_REQUESTS);
});

test("what fails once is asked again, and what fails for ten seconds ends the run with its reason", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    let isBroken = true;
    const reader = new PatientReader(
      sourceOf(async () => {
        if (isBroken) throw new Error("the observer is away");
        return NO_REQUESTS;
      }),
    );
    assert.deepEqual(await reader.look(1_000), {});
    vi.advanceTimersByTime(9_000);
    assert.deepEqual(await reader.look(1_000), {});
    isBroken = false;
    assert.deepEqual(await reader.look(1_000), NO_REQUESTS);
    isBroken = true;
    vi.advanceTimersByTime(60_000);
    assert.deepEqual(await reader.look(1_000), {}, "nobody asked it meanwhile");
    vi.advanceTimersByTime(10_000);
    await assert.rejects(reader.look(1_000), /Cannot see requests since 10 s: the observer is away/);
  } finally {
    vi.useRealTimers();
  }
});
