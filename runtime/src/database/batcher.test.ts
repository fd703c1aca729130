import assert from "node:assert/strict";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import pg from "pg";
import { test } from "vitest";
import { currentCall, runInBackground } from "../call.ts";
import { Batcher } from "./batcher.ts";

/** A batcher of words whose batches end when they are told to. */
function wordsUnderTest(bounds: ConstructorParameters<typeof Batcher>[2] = {}) {
  const batches: { words: readonly string[]; end: () => void }[] = [];
  const run = async (words: readonly string[]) => {
    await new Promise<void>((end) => batches.push({ words, end }));
    if (words.includes("bad")) throw uniqueViolation();
    if (words.includes("lost")) throw new Error("Connection terminated"); // whether it was done is not known
    return words.map((word) => word.toUpperCase());
  };
  const batcher = new Batcher(run, (word: string) => word, bounds);
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
  const { batcher, next } = wordsUnderTest({ size: 2 });
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

/** Does a word for a caller who waits so long, or until the signal aborts. */
function doFor(
  batcher: Batcher<string, string>,
  word: string,
  { ms = Number.POSITIVE_INFINITY, signal }: { ms?: number; signal?: AbortSignal },
): Promise<string> {
  return runInBackground({ deadline: performance.now() + ms, ...(signal && { signal }) }, () => batcher.do(word));
}

const told = (settled: PromiseSettledResult<string>) =>
  settled.status === "fulfilled" ? settled.value : String(settled.reason.reason ?? settled.reason);

test("what nobody waits for any more when its turn comes is not done, and told so", async () => {
  const { batcher, next } = wordsUnderTest();
  const first = batcher.do("a");
  await turn();
  const gone = new AbortController();
  const all = Promise.allSettled([
    doFor(batcher, "late", { ms: 5 }),
    doFor(batcher, "left", { signal: gone.signal }),
    doFor(batcher, "patient", { ms: 60_000 }),
    doFor(batcher, "saga", {}),
    batcher.do("nobody's"),
  ]);
  gone.abort();
  await sleep(10);
  assert.deepEqual(await next(), ["a"]);
  assert.deepEqual(await next(), ["patient", "saga", "nobody's"]);
  assert.equal(await first, "A");
  assert.deepEqual((await all).map(told), ["DEADLINE_EXCEEDED", "CALLER_GONE", "PATIENT", "SAGA", "NOBODY'S"]);
});

test("what has happened is written down for whoever has left too", async () => {
  const { batcher, next } = wordsUnderTest({ evenIfLeft: true });
  const first = batcher.do("a");
  await turn();
  const late = doFor(batcher, "late", { ms: 5 });
  await sleep(10);
  assert.deepEqual([await next(), await next()], [["a"], ["late"]]);
  assert.deepEqual([await first, await late], ["A", "LATE"]);
});

test("a batch of which nobody is left does not run, nor who left while those before were tried one by one", async () => {
  const { batcher, next } = wordsUnderTest();
  const first = batcher.do("a");
  await turn();
  const late = doFor(batcher, "late", { ms: 5 }).catch((error: { kind: string }) => error.kind);
  await sleep(10);
  assert.deepEqual(await next(), ["a"]);
  assert.deepEqual([await first, await late], ["A", "too-late"]);

  const gone = new AbortController();
  const all = Promise.allSettled([batcher.do("bad"), doFor(batcher, "left", { signal: gone.signal }), batcher.do("b")]);
  assert.deepEqual(await next(), ["bad", "left", "b"]);
  gone.abort();
  assert.deepEqual([await next(), await next()], [["bad"], ["b"]]);
  assert.deepEqual((await all).map(told).slice(1), ["CALLER_GONE", "B"]);
});

test("a queue that is full refuses at once, and counts only who still waits", async () => {
  const { batcher, next } = wordsUnderTest({ size: 64, limit: 2 });
  const first = batcher.do("a");
  await turn();
  const waiting = Promise.allSettled([doFor(batcher, "late", { ms: 20 }), batcher.do("b")]);
  await assert.rejects(batcher.do("c"), { kind: "exhausted", reason: "TOO_MANY_CALLS" });
  await sleep(25);
  const another = batcher.do("d");
  await assert.rejects(batcher.do("e"), { kind: "exhausted" });
  assert.deepEqual([await next(), await next()], [["a"], ["b", "d"]]);
  assert.deepEqual([await first, await another], ["A", "D"]);
  assert.deepEqual((await waiting).map(told), ["DEADLINE_EXCEEDED", "B"]);
});

test("a batch is run within no call, whoever began it", async () => {
  const batcher = new Batcher(
    async (words: readonly string[]) => words.map(() => String(currentCall()?.correlationId)),
    (word) => word,
  );
  assert.equal(await doFor(batcher, "a", { ms: 1_000 }), "undefined");
});
