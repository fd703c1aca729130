import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import { forgetExpiredSessions, USED_TOKENS_KEPT } from "../src/session-store.ts";
import { type AuthUnderTest, rolesIn, startAuth, userIn } from "./auth-under-test.ts";

let auth: AuthUnderTest;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth?.services.stop());

const refresh = (refreshToken: string) => auth.anybody.refresh({ refreshToken });
const hash = (token: string) => createHash("sha256").update(token).digest();
const ended = { code: status.UNAUTHENTICATED, reason: "REFRESH_TOKEN_INVALID" };
const reused = { code: status.UNAUTHENTICATED, reason: "REFRESH_TOKEN_REUSED" };

test("exchanges a refresh token for new tokens of the same user, again and again", async () => {
  const user = await auth.newUser();
  const second = await refresh(user.refreshToken);
  const third = await refresh(second.refreshToken);
  assert.equal(new Set([user.refreshToken, second.refreshToken, third.refreshToken]).size, 3);
  assert.deepEqual(await auth.verifier().verify(third.accessToken), { id: user.id, roles: ["customer"] });
  assert.ok(Number(third.expireTime) > Date.now());
});

test("ends the session at the second use of a token, and leaves the user's other sessions alone", async () => {
  const user = await auth.newUser();
  const other = await auth.anybody.login(user);
  const newest = await refresh(user.refreshToken);
  await assert.rejects(refresh(user.refreshToken), reused);
  await assert.rejects(refresh(newest.refreshToken), ended);
  await assert.rejects(refresh(user.refreshToken), reused);
  assert.equal(userIn((await refresh(other.refreshToken)).accessToken), user.id);
  const noted = "SELECT count(*) FROM runtime.audit WHERE action = 'token.reused' AND details->>'user' = $1";
  assert.equal(await auth.count(noted, [user.id]), 1);
});

test("of many who refresh with the same token at the same moment exactly one gets another", async () => {
  for (let round = 0; round < 8; round++) {
    const user = await auth.newUser();
    const attempts = await Promise.allSettled(Array.from({ length: 12 }, () => refresh(user.refreshToken)));
    const won = attempts.filter((attempt) => attempt.status === "fulfilled");
    const lost = attempts.filter((attempt) => attempt.status === "rejected");
    assert.equal(won.length, 1);
    for (const { reason } of lost) assert.equal(reason.reason, "REFRESH_TOKEN_REUSED");
    const tokens = "SELECT count(*) FROM refresh_token JOIN session ON session.id = session_id WHERE account_id = $1";
    assert.equal(await auth.count(tokens, [user.id]), 2);
    await assert.rejects(refresh(won[0]?.value.refreshToken ?? ""), ended);
  }
});

test("signs out by any token of the session, and says the same when there is nothing to end", async () => {
  const user = await auth.newUser();
  const newest = await refresh(user.refreshToken);
  const signOut = (refreshToken: string) => auth.anybody.logout({ refreshToken });
  assert.deepEqual(await signOut(user.refreshToken), {});
  await assert.rejects(refresh(newest.refreshToken), ended);
  assert.deepEqual(await signOut(user.refreshToken), {});
  assert.deepEqual(await signOut(randomBytes(32).toString("base64url")), {});
  const noted = "SELECT count(*) FROM runtime.audit WHERE action = 'session.ended' AND actor = $1";
  assert.equal(await auth.count(noted, [`user:${user.id}`]), 1);
});

test("a refresh at the moment of signing out does not outlive it", async () => {
  for (let round = 0; round < 10; round++) {
    const user = await auth.newUser();
    const [refreshed] = await Promise.allSettled([
      refresh(user.refreshToken),
      auth.anybody.logout({ refreshToken: user.refreshToken }),
    ]);
    if (refreshed.status === "rejected") assert.equal(refreshed.reason.reason, "REFRESH_TOKEN_INVALID");
    else await assert.rejects(refresh(refreshed.value.refreshToken), ended);
  }
});

test("refuses a token that has expired", async () => {
  const user = await auth.newUser();
  const expire = "UPDATE refresh_token SET expire_time = now() - interval '1 second' WHERE hash = $1";
  assert.equal((await auth.database.query(expire, [hash(user.refreshToken)])).rowCount, 1);
  await assert.rejects(refresh(user.refreshToken), ended);
});

test("keeps only hashes of tokens, which hold 256 random bits", async () => {
  const user = await auth.newUser();
  assert.equal(Buffer.from(user.refreshToken, "base64url").length, 32);
  const { rows } = await auth.database.query("SELECT refresh_token::text AS text FROM refresh_token");
  assert.ok(rows.some(({ text }) => text.includes(hash(user.refreshToken).toString("hex"))));
  for (const { text } of rows) {
    assert.equal(text.includes(user.refreshToken), false);
    assert.equal(text.includes(Buffer.from(user.refreshToken).toString("hex")), false);
    assert.equal(text.includes(Buffer.from(user.refreshToken, "base64url").toString("hex")), false);
  }
});

test("gives the roles that the user holds by then", async () => {
  const user = await auth.newUser();
  const admin = await auth.admin();
  await admin.grantRole({ userId: user.id, role: 2 });
  const { accessToken, refreshToken } = await refresh(user.refreshToken);
  assert.deepEqual(rolesIn(accessToken), ["customer", "merchant"]);
  await admin.revokeRole({ userId: user.id, role: 2 });
  assert.deepEqual(rolesIn((await refresh(refreshToken)).accessToken), ["customer"]);
});

test("refuses what never was a token, without breaking", async () => {
  for (const token of ["x", "\u0007", "\u{1f40e}", "0".repeat(512)]) {
    await assert.rejects(refresh(token), ended);
    assert.deepEqual(await auth.anybody.logout({ refreshToken: token }), {});
  }
  for (const token of ["", "\0", "0".repeat(513)]) {
    await assert.rejects(refresh(token), { code: status.INVALID_ARGUMENT, message: /refresh_token/ });
  }
});

test("a session that goes on for long keeps a bounded number of used tokens, and still ends when one of them is used again", async () => {
  const user = await auth.newUser();
  const other = await auth.newUser();
  await refresh(other.refreshToken);
  const tokens = [user.refreshToken];
  for (let times = 0; times < USED_TOKENS_KEPT + 20; times++)
    tokens.push((await refresh(tokens.at(-1) ?? "")).refreshToken);
  const kept = "SELECT count(*) FROM refresh_token JOIN session ON session.id = session_id WHERE account_id = $1";
  assert.ok((await auth.count(kept, [user.id])) <= USED_TOKENS_KEPT + 2);
  assert.equal(await auth.count(kept, [other.id]), 2);
  await assert.rejects(refresh(tokens[0] ?? ""), { code: status.UNAUTHENTICATED });
  const last = await refresh(tokens.at(-1) ?? ""); // the session lives: nobody can tell whose that old token was
  await assert.rejects(refresh(tokens.at(-5) ?? ""), reused);
  await assert.rejects(refresh(last.refreshToken), ended);
});

test("forgets a session when the last of its tokens has expired, and none before", async () => {
  const [kept, gone] = [await auth.newUser(), await auth.newUser()];
  await refresh(kept.refreshToken);
  const expire = "UPDATE refresh_token SET expire_time = now() - interval '1 second' WHERE hash = ANY($1)";
  await auth.database.query(expire, [[hash(kept.refreshToken), hash(gone.refreshToken)]]);
  await forgetExpiredSessions(auth.database);
  const sessions = "SELECT count(*) FROM session WHERE account_id = $1";
  assert.equal(await auth.count(sessions, [kept.id]), 1);
  assert.equal(await auth.count(sessions, [gone.id]), 0);
  await assert.rejects(refresh(kept.refreshToken), reused);
});

test("forgets many sessions some at a time, oldest first, and reads no others", async () => {
  const user = await auth.newUser();
  const sessions = "SELECT count(*) FROM session WHERE account_id = $1";
  const kept = await auth.count(sessions, [user.id]);
  await auth.database.query(
    `WITH old AS (INSERT INTO session (id, account_id) SELECT gen_random_uuid(), $1 FROM generate_series(1, 4500) RETURNING id)
    INSERT INTO refresh_token (hash, session_id, expire_time) SELECT sha256(id::text::bytea), id, now() - interval '1 h' FROM old`,
    [user.id],
  );
  assert.equal(await forgetExpiredSessions(auth.database), true);
  assert.equal(await auth.count(sessions, [user.id]), kept + 2_500);
  assert.equal(await forgetExpiredSessions(auth.database), true);
  assert.equal(await forgetExpiredSessions(auth.database), false);
  assert.equal(await auth.count(sessions, [user.id]), kept);
});
