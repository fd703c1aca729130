import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import pg from "pg";
import { Batcher } from "./batcher.ts";

/** A batcher of words whose batches end when they are told to. */
function wordsUnderTest(size?: number) {
  const batches: { words: readonly string[]; end: () => void }[] = [];
  const run = async (words: readonly string[]) => {
    await new Promise<void>((end) => batches.push({ words, end }));
    if (words.includes("bad")) throw uniqueViolation();
    if (words.includes("lost")) throw new Error("Connection terminated"); // whether it was done is not known
    return words.map((word) => word.toUpperCase());
  };
  const batcher = new Batcher(run, (word: string) => word, size === undefined ? {} : { size });
  const next = async () => {
    while (batches.length === 0) await turn();
    const batch = batches.shift();
    batch?.end();
    return batch?.words;
  };
  return { batcher, next };
}

function uniqueViolation() {
  return Object.assign(new pg.DatabaseError("duplicate key", 0, "error"), { code: "23505" });
}

test("what comes while a batch is under way goes into the next, and each gets its own answer", async () => {
  const { batcher, next } = wordsUnderTest();
  const first = batcher.do("a");
  await turn();
  const others = [batcher.do("b"), batcher.do("c")];
  assert.deepEqual(await next(), ["a"]);
  assert.deepEqual(await next(), ["b", "c"]);
  assert.deepEqual(await Promise.all([first, ...others]), ["A", "B", "C"]);
});

test("two of one key never share a batch, and no batch is larger than allowed", async () => {
  const { batcher, next } = wordsUnderTest(2);
  const all = Promise.all(["a", "a", "b", "c"].map((word) => batcher.do(word)));
  assert.deepEqual(
    [await next(), await next()],
    [
      ["a", "b"],
      ["a", "c"],
    ],
  );
  assert.deepEqual(await all, ["A", "A", "B", "C"]);
});

test("one that Postgres refuses fails alone", async () => {
  const { batcher, next } = wordsUnderTest();
  const all = Promise.allSettled(["a", "bad", "c"].map((word) => batcher.do(word)));
  assert.deepEqual(
    [await next(), await next(), await next(), await next()],
    [["a", "bad", "c"], ["a"], ["bad"], ["c"]],
  );
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
});

test("when the connection is lost nobody is asked again, and the next batch goes on", async () => {
  const { batcher, next } = wordsUnderTest();
  const all = Promise.allSettled(["a", "lost"].map((word) => batcher.do(word)));
  assert.deepEqual(await next(), ["a", "lost"]);
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ["rejected", "rejected"],
  );
  const later = batcher.do("b");
  assert.deepEqual(await next(), ["b"]);
  assert.equal(await later, "B");
});
