import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { UserRegistered } from "@row/gen/grpc/shop/auth/v1/auth_events.ts";
import { EventStreams } from "@row/tests/harness/events.ts";
import { afterAll, beforeAll, test } from "vitest";
import { type AuthUnderTest, newEmail, startAuth } from "./auth-under-test.ts";

const folder = mkdtempSync(join(tmpdir(), "row-crash-"));
let auth: AuthUnderTest;
beforeAll(async () => {
  auth = await startAuth({ CRASH_AT: "auth.after-register", CRASH_MARKER: join(folder, "marker") });
});
afterAll(async () => {
  await auth?.services.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("an account that was opened at the moment of a crash is told of, once, and the repeat gets the first answer", async () => {
  const email = newEmail();
  const request = { email, password: "correct horse", displayName: "Somebody", requestId: randomUUIDv7() };
  await assert.rejects(auth.anybody.register(request), { code: status.UNAVAILABLE });
  while (auth.services.shop.process("auth").restarts === 0) await sleep(20);
  await auth.services.shop.whenReady("auth");
  assert.deepEqual(await auth.anybody.register(request), {});

  const { rows } = await auth.database.query<{ id: string }>("SELECT id FROM account WHERE email = $1", [email]);
  assert.equal(rows.length, 1);
  const events = await EventStreams.connect(auth.services);
  try {
    await events.one(UserRegistered, ({ message }) => message.userId === rows[0]?.id);
    const told = (await events.all(UserRegistered)).filter(({ message }) => message.userId === rows[0]?.id);
    assert.equal(told.length, 1);
  } finally {
    await events.close();
  }
});
