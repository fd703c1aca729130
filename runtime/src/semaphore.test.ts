import assert from "node:assert/strict";
import { test } from "vitest";
import { Semaphore } from "./semaphore.ts";

const patient = new AbortController().signal;

test("never runs more work at once than it has permits, and runs all of it in order", async () => {
  const semaphore = new Semaphore(2);
  let running = 0;
  let most = 0;
  const ended: number[] = [];
  const work = (n: number) => async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    ended.push(n);
  };
  await Promise.all(Array.from({ length: 9 }, (_, n) => semaphore.run(patient, work(n))));
  assert.equal(most, 2);
  assert.deepEqual(ended, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("passes the permit on when work fails", async () => {
  const semaphore = new Semaphore(1);
  const failed = semaphore.run(patient, () => Promise.reject(new Error("broken")));
  const next = semaphore.run(patient, async () => "done");
  await assert.rejects(failed, /broken/);
  assert.equal(await next, "done");
});

test("drops who leaves while waiting, without running the work or losing the permit", async () => {
  const semaphore = new Semaphore(1);
  const { promise: busy, resolve: finish } = Promise.withResolvers<void>();
  const first = semaphore.run(patient, () => busy);
  const leaver = new AbortController();
  let ran = false;
  const left = semaphore.run(leaver.signal, async () => {
    ran = true;
  });
  const third = semaphore.run(patient, async () => "third");
  leaver.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  finish();
  await first;
  assert.equal(await third, "third");
  assert.equal(ran, false);
  assert.equal(await semaphore.run(patient, async () => "free"), "free");
});

test("does not start work for who had left before", async () => {
  const semaphore = new Semaphore(1);
  await assert.rejects(
    semaphore.run(AbortSignal.abort(new Error("gone")), async () => "ran"),
    /gone/,
  );
});

test("gives no permit without waiting when none is free, and one released twice is free once", () => {
  const semaphore = new Semaphore(1);
  const permit = semaphore.tryAcquire();
  assert.ok(permit);
  assert.equal(semaphore.tryAcquire(), undefined);
  permit.release();
  permit.release();
  assert.ok(semaphore.tryAcquire());
  assert.equal(semaphore.tryAcquire(), undefined);
});
