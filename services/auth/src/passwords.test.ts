import assert from "node:assert/strict";
import { parseOptions } from "@node-rs/argon2";
import { test } from "vitest";
import { Passwords } from "./passwords.ts";

const patient = new AbortController().signal;
const done: string[] = [];
const passwords = await Passwords.create(2, (operation) => done.push(operation));

test("keeps argon2id hashes with OWASP's parameters, salted", async () => {
  const kept = await passwords.hash("correct horse", patient);
  assert.match(kept, /^\$argon2id\$/);
  const { memoryCost, timeCost, parallelism } = parseOptions(kept);
  assert.deepEqual({ memoryCost, timeCost, parallelism }, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  assert.notEqual(kept, await passwords.hash("correct horse", patient));
});

test("accepts the password that was kept and no other", async () => {
  const kept = await passwords.hash("correct horse", patient);
  assert.equal(await passwords.verify(kept, "correct horse", patient), true);
  assert.equal(await passwords.verify(kept, "Correct horse", patient), false);
});

test("does the same work where there is nothing to compare with, and says no", async () => {
  done.length = 0;
  assert.equal(await passwords.verify(undefined, "correct horse", patient), false);
  assert.deepEqual(done, ["verify"]);
});

test("does not answer who left while it worked", async () => {
  const leaver = new AbortController();
  const left = passwords.hash("correct horse", leaver.signal);
  leaver.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
});
