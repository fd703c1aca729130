import assert from "node:assert/strict";
import { openLoop } from "@row/load/open-loop.ts";
import { test } from "vitest";

const TEN_MS_APART = Array.from({ length: 10 }, (_, number) => number * 10);

test("what is due begins, though nothing that was begun before has ended", async () => {
  const all = Promise.withResolvers<void>();
  let begun = 0;
  await openLoop({
    arrivals: TEN_MS_APART,
    begin: async () => {
      begun += 1;
      if (begun === TEN_MS_APART.length) all.resolve();
      await all.promise;
    },
  });
  assert.equal(begun, 10);
});

test("nothing begins before it is due, and after a stall each still knows when it was due", async () => {
  const startAt = performance.now() + 20;
  const seen: { due: number; begunAt: number }[] = [];
  await openLoop({
    arrivals: TEN_MS_APART,
    startAt,
    begin: async ({ number, due }) => {
      const begunAt = performance.now();
      seen.push({ due, begunAt });
      while (number === 2 && performance.now() < begunAt + 50);
    },
  });
  assert.deepEqual(
    seen.map(({ due }) => due),
    TEN_MS_APART.map((at) => startAt + at),
  );
  assert.ok(seen.every(({ due, begunAt }) => begunAt >= due));
  const stalled = seen[3];
  assert.ok(stalled && stalled.begunAt - stalled.due >= 40, "what was due during the stall is known to be late");
});

test("once it is told to end nothing more begins, and what has begun is waited for", async () => {
  const ended = new AbortController();
  let under = 0;
  const begun = await openLoop({
    arrivals: Array.from({ length: 1_000 }, (_, number) => number * 10),
    signal: ended.signal,
    begin: async ({ number }) => {
      under += 1;
      if (number === 3) ended.abort();
      await new Promise((resolve) => setTimeout(resolve, 30));
      under -= 1;
    },
  });
  assert.deepEqual({ begun, under }, { begun: 4, under: 0 });
});
