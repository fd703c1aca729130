import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { status } from "@grpc/grpc-js";
import { UserRegistered } from "@row/gen/grpc/shop/auth/v1/auth_events.ts";
import { RegisterRequest } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { runInBackground } from "@row/runtime/call.ts";
import { ACCESS_TOKEN_SECONDS } from "@row/runtime/rpc/auth.ts";
import { EventStreams } from "@row/tests/harness/events.ts";
import { decodeJwt } from "jose";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { openAccount } from "../src/open-account.ts";
import { type AuthUnderTest, newEmail, rolesIn, startAuth, userIn } from "./auth-under-test.ts";

let auth: AuthUnderTest;
let events: EventStreams;
beforeAll(async () => {
  auth = await startAuth();
  events = await EventStreams.connect(auth.services);
});
afterAll(async () => {
  await events?.close();
  await auth?.services.stop();
});

const password = "correct horse";
const applicant = (email: string) => ({ email, password, displayName: "Somebody", requestId: randomUUIDv7() });

test("signs a new user in, with tokens that every service accepts", async () => {
  const email = newEmail();
  assert.deepEqual(await auth.anybody.register(applicant(email)), {});
  const { accessToken, expireTime } = await auth.anybody.login({ email: ` ${email.toUpperCase()} `, password });
  const { rows } = await auth.database.query("SELECT id FROM account WHERE email = $1", [email]);
  assert.deepEqual(await auth.verifier().verify(accessToken), { id: rows[0]?.id, roles: ["customer"] });
  const claims = decodeJwt(accessToken);
  assert.equal(Number(claims.exp) - Number(claims.iat), ACCESS_TOKEN_SECONDS);
  assert.equal(expireTime?.getTime(), Number(claims.exp) * 1_000);
});

test("tells of a new user once, by id alone", async () => {
  const { id } = await auth.newUser();
  const told = await events.one(UserRegistered, ({ message }) => message.userId === id);
  assert.deepEqual(Object.keys(told.message).sort(), ["registerTime", "userId"]);
  assert.equal(told.aggregateId, id);
  assert.equal(told.sequence, 1n);
  const all = await events.all(UserRegistered);
  assert.equal(all.filter(({ message }) => message.userId === id).length, 1);
});

test("answers a known address as a new one, and changes nothing", async () => {
  const { email } = await auth.newUser(password);
  const counts = `SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM account_role) + (SELECT count(*) FROM runtime.outbox)
    + (SELECT count(*) FROM runtime.audit) AS count`;
  const before = await auth.count(counts);
  const again = { ...applicant(email.toUpperCase()), password: "another horse", displayName: "Somebody else" };
  assert.deepEqual(await auth.anybody.register(again), {});
  assert.equal(await auth.count(counts), before);
  await assert.rejects(auth.anybody.login({ email, password: "another horse" }), { reason: "BAD_CREDENTIALS" });
  await auth.anybody.login({ email, password });
});

test("does the same slow work for a known and an unknown address", async () => {
  const { email } = await auth.newUser(password);
  const work = async (act: () => Promise<unknown>) => {
    const before = [await auth.passwordWork("hash"), await auth.passwordWork("verify")];
    await act().catch(() => {});
    return [
      (await auth.passwordWork("hash")) - Number(before[0]),
      (await auth.passwordWork("verify")) - Number(before[1]),
    ];
  };
  assert.deepEqual(await work(() => auth.anybody.register(applicant(newEmail()))), [1, 0]);
  assert.deepEqual(await work(() => auth.anybody.register(applicant(email))), [1, 0]);
  assert.deepEqual(await work(() => auth.anybody.login({ email, password: "wrong" })), [0, 1]);
  assert.deepEqual(await work(() => auth.anybody.login({ email: newEmail(), password: "wrong" })), [0, 1]);
});

test("has Postgres do the same work for a known and an unknown address", async () => {
  const { email } = await auth.newUser();
  const work = async (address: string) => {
    const { pool, done } = recorded(auth.database);
    const applicant = { email: address, passwordHash: "$argon2id$v=19$m=19456,t=2,p=1$none", displayName: "Somebody" };
    const request = { caller: "anonymous", method: "/Register", request_id: randomUUIDv7() };
    const answer = { ...request, body_hash: `\\x${"0".repeat(64)}`, response: "\\x" };
    const outcome = await runInBackground({ producer: "auth/test/test" }, () => openAccount(pool, applicant, answer));
    return { isOpened: typeof outcome === "object", done };
  };
  const free = await work(newEmail());
  const taken = await work(email);
  assert.deepEqual([free.isOpened, taken.isOpened], [true, false]);
  assert.ok(free.done.includes("add-account: 1 rows"), "the rows of an account are written");
  assert.deepEqual(
    taken.done.map((step) => step.replace("ROLLBACK TO", "RELEASE")),
    free.done,
  );
  const kept = "SELECT count(*) FROM account WHERE email LIKE 'nobody:%'";
  assert.equal(await auth.count(kept), 0);
});

/** A pool that notes what is asked of it, and how many rows that gave or wrote. */
function recorded(pool: pg.Pool) {
  const done: string[] = [];
  const connect = async () => {
    const client = await pool.connect();
    const query = async (asked: string | { name: string }, values?: unknown[]) => {
      const result = await client.query(asked as pg.QueryConfig, values);
      done.push(typeof asked === "string" ? asked : `${asked.name}: ${result.rowCount} rows`);
      return result;
    };
    const [on, off] = [client.on.bind(client), client.off.bind(client)];
    return { query, on, off, release: (broken?: Error) => client.release(broken) };
  };
  return { pool: { connect } as unknown as pg.Pool, done };
}

test("refuses an unknown address and a wrong password in the same words", async () => {
  const { email } = await auth.newUser();
  const refusal = async (address: string) => {
    const error = await auth.anybody.login({ email: address, password: "wrong" }).then(
      () => assert.fail("signed in"),
      (error: Error & { code: status; reason: string; facts: object }) => error,
    );
    return { code: error.code, reason: error.reason, facts: error.facts, message: error.message };
  };
  const known = await refusal(email);
  assert.deepEqual(known, await refusal(newEmail()));
  assert.equal(known.code, status.UNAUTHENTICATED);
  assert.equal(known.reason, "BAD_CREDENTIALS");
});

test("opens one account for a request that comes twice, and refuses its id for another body", async () => {
  const request = applicant(newEmail());
  const answers = await Promise.all(Array.from({ length: 4 }, () => auth.anybody.register(request)));
  assert.deepEqual(answers, [{}, {}, {}, {}]);
  assert.equal(await auth.count("SELECT count(*) FROM account WHERE email = $1", [request.email]), 1);
  for (const change of [{ password: "another horse" }, { email: newEmail() }, { displayName: "Another" }]) {
    await assert.rejects(auth.anybody.register({ ...request, ...change }), {
      code: status.INVALID_ARGUMENT,
      reason: "REQUEST_ID_REUSED",
    });
  }
});

test("remembers no fast hash of a password with a request", async () => {
  const request = applicant(newEmail());
  await auth.anybody.register(request);
  const fast = createHash("sha256").update(RegisterRequest.encode(request).finish()).digest();
  const { rows } = await auth.database.query("SELECT body_hash FROM runtime.requests WHERE request_id = $1", [
    request.requestId,
  ]);
  assert.equal(rows.length, 1);
  assert.notDeepEqual(rows[0]?.body_hash, fast);
});

test("opens one account when many ask for the same address at the same moment", async () => {
  const email = newEmail();
  await Promise.all(Array.from({ length: 12 }, () => auth.anybody.register(applicant(email))));
  const { rows } = await auth.database.query<{ id: string }>("SELECT id FROM account WHERE email = $1", [email]);
  assert.equal(rows.length, 1);
  const events = "SELECT count(*) FROM runtime.outbox WHERE aggregate_id = $1";
  assert.equal(await auth.count(events, [rows[0]?.id]), 1);
});

test("serves a crowd that signs in at once, though few passwords are verified at a time", async () => {
  const { email } = await auth.newUser(password);
  const tokens = await Promise.all(Array.from({ length: 20 }, () => auth.anybody.login({ email, password })));
  assert.equal(new Set(tokens.map(({ refreshToken }) => refreshToken)).size, 20);
});

test("keeps addresses and passwords out of logs, events, requests and the audit trail", async () => {
  const { email } = await auth.newUser("unmistakable password");
  const unknown = newEmail();
  await assert.rejects(auth.anybody.login({ email, password: "unmistakable mistake" }));
  await assert.rejects(auth.anybody.login({ email: unknown, password: "unmistakable mistake" }));
  const { rows } = await auth.database.query(
    `SELECT string_agg(text, ' ') AS text FROM (SELECT a::text AS text FROM runtime.audit a
      UNION ALL SELECT o::text FROM runtime.outbox o UNION ALL SELECT r::text FROM runtime.requests r) AS everything`,
  );
  const log = readFileSync(auth.services.shop.process("auth").logFile, "utf8");
  assert.match(log, /AuthService\/Login/);
  for (const secret of [email, unknown, "unmistakable"]) {
    assert.equal(String(rows[0]?.text).includes(secret), false);
    assert.equal(log.includes(secret), false);
  }
  assert.equal(
    await auth.count("SELECT count(*) FROM account WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'"),
    await auth.count("SELECT count(*) FROM account"),
  );
});

test("names the field of what cannot be registered, and leaves no trace of it", async () => {
  const good = applicant(newEmail());
  const wrong: [string, object][] = [
    ["email", { email: "" }],
    ["email", { email: "nobody" }],
    ["email", { email: "no\0body@example.com" }],
    ["email", { email: `${"x".repeat(250)}@example.com` }],
    ["password", { password: "" }],
    ["password", { password: "1234567" }],
    ["password", { password: "x".repeat(257) }],
    ["display_name", { displayName: "" }],
    ["display_name", { displayName: "   " }],
    ["display_name", { displayName: "No\u0000body" }],
    ["display_name", { displayName: "No\u0007body" }],
    ["display_name", { displayName: "x".repeat(101) }],
    ["request_id", { requestId: "" }],
    ["request_id", { requestId: "seven" }],
  ];
  const traces = "SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM runtime.requests) AS count";
  const before = await auth.count(traces);
  for (const [field, change] of wrong) {
    const expected = { code: status.INVALID_ARGUMENT, message: new RegExp(field) };
    await assert.rejects(auth.anybody.register({ ...good, ...change }), expected, JSON.stringify(change).slice(0, 60));
  }
  assert.equal(await auth.count(traces), before);
});

test("refuses to sign in what no account can have, without breaking", async () => {
  for (const email of ["", "no\0body@example.com", "x".repeat(255)]) {
    await assert.rejects(auth.anybody.login({ email, password }), { code: status.INVALID_ARGUMENT });
  }
  for (const [email, given] of [
    ["' OR 1=1 --", password],
    ["alice\u0001@example.com", "\u0007"],
    ["alice@example.com", "\u{1f40e}".repeat(200)],
  ] as const) {
    await assert.rejects(auth.anybody.login({ email, password: given }), { reason: "BAD_CREDENTIALS" });
  }
});

test("seeds the people of the demo once, and again only when their password has changed", async () => {
  const signIn = (who: string, given: string) => auth.anybody.login({ email: `${who}@example.com`, password: given });
  const roles = async (who: string) => rolesIn((await signIn(who, auth.demoPassword)).accessToken);
  assert.deepEqual(await roles("alice"), ["customer"]);
  assert.deepEqual(await roles("bob"), ["customer"]);
  assert.deepEqual(await roles("merchant"), ["customer", "merchant"]);
  assert.deepEqual(await roles("admin"), ["admin", "customer"]);

  const environment = auth.services.shop.infrastructure.environmentOf("auth");
  const seed = (DEMO_PASSWORD: string) =>
    promisify(execFile)(process.execPath, [fileURLToPath(new URL("../prisma/seed.ts", import.meta.url))], {
      env: { ...environment, DEMO_PASSWORD },
    });
  const everything = `SELECT (SELECT count(*) FROM runtime.audit) + (SELECT count(*) FROM runtime.outbox) AS count`;
  const before = await auth.count(everything);
  await seed(auth.demoPassword);
  assert.equal(await auth.count(everything), before);

  const alice = await signIn("alice", auth.demoPassword);
  await seed("another demo password");
  await assert.rejects(signIn("alice", auth.demoPassword), { reason: "BAD_CREDENTIALS" });
  await assert.rejects(auth.anybody.refresh({ refreshToken: alice.refreshToken }), { reason: "REFRESH_TOKEN_INVALID" });
  const later = await signIn("alice", "another demo password");
  assert.equal(userIn(later.accessToken), userIn(alice.accessToken));
});
