import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, test } from "vitest";
import { derivedKey } from "../src/derived-key.ts";
import { SigningKeys } from "../src/signing-keys.ts";
import { type AuthUnderTest, keyOf, startAuth } from "./auth-under-test.ts";

const HOUR_MS = 3_600_000;
const JUMPS = { "an hour": HOUR_MS, "30 days": 30 * 24 * HOUR_MS, "a year": 365 * 24 * HOUR_MS };

let auth: AuthUnderTest;
const folder = mkdtempSync(join(tmpdir(), "row-clock-"));
const offset = join(folder, "offset");

beforeAll(async () => {
  writeFileSync(offset, "0");
  const clock = import.meta.resolve("@row/tests/harness/shifted-clock.ts");
  auth = await startAuth({ NODE_OPTIONS: `--import=${clock}`, CLOCK_OFFSET_FILE: offset });
});
afterAll(async () => {
  await auth?.services.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function setClock(ms: number): Promise<void> {
  writeFileSync(offset, String(ms));
  await sleep(150); // a process looks every 50 ms
}

/** As upkeep does once a minute. */
async function lookAfterKeys(): Promise<void> {
  const secret = auth.services.shop.infrastructure.environmentOf("auth").AUTH_KEY_SECRET ?? "";
  await SigningKeys.open(auth.database, {
    sealingKey: derivedKey(secret, "signing-keys"),
    rotationHours: 168,
    correlationId: "look",
  });
}

for (const [name, jump] of Object.entries(JUMPS)) {
  for (const jumped of [jump, -jump]) {
    const where = `${name} ${jumped > 0 ? "ahead" : "behind"}`;
    test(`while auth's clock is ${where}, and after it, sign-in and tokens work`, async (t) => {
      t.onTestFinished(() => setClock(0));
      const early = await auth.newUser();
      await setClock(jumped);
      await auth.services.shop.restart("auth"); // with that clock it looks after its keys
      const during = await auth.newUser();
      await auth.verifier().verify(during.accessToken);
      await setClock(0);
      await auth.verifier().verify(early.accessToken);
      await auth.verifier().verify(during.accessToken);
      const { accessToken } = await auth.anybody.refresh({ refreshToken: during.refreshToken });
      await auth.verifier().verify(accessToken);
      assert.equal((await auth.anybody.getKeySet({})).keys.length, 1, "and no key was made or lost");
    });
  }
}

test("a key that Postgres's clock made when it was a year ahead is withdrawn, and the one before goes on", async () => {
  const user = await auth.newUser();
  const key = keyOf(user.accessToken);
  // As it is left by a year's jump of some minutes: the next key, which is to sign in a year.
  await auth.database.query("UPDATE signing_key SET sign_time = now() - interval '167 hours 55 minutes'");
  await lookAfterKeys();
  await auth.database.query(
    "UPDATE signing_key SET sign_time = CASE id WHEN $1 THEN now() - interval '1 hour' ELSE now() + interval '1 year' END",
    [key],
  );
  await auth.services.shop.restart("auth");
  assert.deepEqual(
    (await auth.anybody.getKeySet({})).keys.map(({ kid }) => kid),
    [key],
  );
  assert.equal(keyOf((await auth.anybody.login(user)).accessToken), key);
});

test("when the only key is to sign in a year, it signs now", async () => {
  await auth.database.query("UPDATE signing_key SET sign_time = now() + interval '1 year'");
  await auth.services.shop.restart("auth");
  const { accessToken } = await auth.newUser();
  await auth.verifier().verify(accessToken);
  assert.equal(await auth.count("SELECT count(*) FROM signing_key"), 1);
});
