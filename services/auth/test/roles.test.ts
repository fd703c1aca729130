import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { Role } from "@row/gen/grpc/shop/options/v1/method.ts";
import { PageTokens } from "@row/runtime/page-token.ts";
import { afterAll, beforeAll, test } from "vitest";
import { type AuthUnderTest, newEmail, startAuth } from "./auth-under-test.ts";

let auth: AuthUnderTest;
let admin: Awaited<ReturnType<AuthUnderTest["admin"]>>;
beforeAll(async () => {
  auth = await startAuth();
  admin = await auth.admin();
});
afterAll(() => auth?.services.stop());

test("gives and takes roles, answers what is left, and notes only what changed", async () => {
  const { id: userId } = await auth.newUser();
  const merchant = { userId, role: Role.MERCHANT };
  assert.deepEqual(await admin.grantRole(merchant), { roles: [Role.CUSTOMER, Role.MERCHANT] });
  assert.deepEqual(await admin.grantRole(merchant), { roles: [Role.CUSTOMER, Role.MERCHANT] });
  assert.deepEqual(await admin.revokeRole(merchant), { roles: [Role.CUSTOMER] });
  assert.deepEqual(await admin.revokeRole(merchant), { roles: [Role.CUSTOMER] });
  const { rows } = await auth.database.query(
    "SELECT action, details FROM runtime.audit WHERE target = $1 AND action LIKE 'role.%' ORDER BY id",
    [`user:${userId}`],
  );
  assert.deepEqual(rows, [
    { action: "role.granted", details: { role: "merchant" } },
    { action: "role.revoked", details: { role: "merchant" } },
  ]);
});

test("lets nobody but an admin give, take or read", async () => {
  const user = await auth.newUser();
  const request = { userId: user.id, role: Role.ADMIN };
  const callers = [
    { caller: {}, refusal: { code: status.UNAUTHENTICATED } },
    { caller: { token: user.accessToken }, refusal: { code: status.PERMISSION_DENIED, reason: "ROLE_MISSING" } },
    { caller: { service: "orders" }, refusal: { code: status.PERMISSION_DENIED, reason: "CALLER_NOT_ALLOWED" } },
  ];
  for (const { caller, refusal } of callers) {
    const client = auth.as(caller);
    await assert.rejects(client.grantRole(request), refusal);
    await assert.rejects(client.revokeRole(request), refusal);
    await assert.rejects(client.listAuditEntries({ pageSize: 0, pageToken: "" }), refusal);
  }
  assert.equal(await auth.count("SELECT count(*) FROM account_role WHERE account_id = $1", [user.id]), 1);
});

test("knows no role of a user who does not exist, and no role beyond those of the contract", async () => {
  const nobody = { userId: randomUUIDv7(), role: Role.MERCHANT };
  await assert.rejects(admin.grantRole(nobody), { code: status.NOT_FOUND, reason: "USER_NOT_FOUND" });
  await assert.rejects(admin.revokeRole(nobody), { code: status.NOT_FOUND, reason: "USER_NOT_FOUND" });
  const malformed = [
    { userId: "", role: Role.MERCHANT },
    { userId: "7", role: Role.MERCHANT },
    { ...nobody, role: Role.UNSPECIFIED },
    { ...nobody, role: 99 as Role }, // a client of a later contract
  ];
  for (const request of malformed) {
    await assert.rejects(admin.grantRole(request), { code: status.INVALID_ARGUMENT });
    await assert.rejects(admin.revokeRole(request), { code: status.INVALID_ARGUMENT });
  }
});

test("the last admin stays, however many are dismissed at the same moment", async () => {
  const { rows } = await auth.database.query<{ id: string }>(
    "SELECT id FROM account WHERE email = 'admin@example.com'",
  );
  const first = rows[0]?.id ?? "";
  const holders = "SELECT count(*) FROM account_role WHERE role = 'admin'";
  for (let round = 0; round < 5; round++) {
    const users = await Promise.all(Array.from({ length: 4 }, () => auth.newUser()));
    const ids = [first, ...users.map(({ id }) => id)];
    for (const userId of ids) await admin.grantRole({ userId, role: Role.ADMIN });
    assert.equal(await auth.count(holders), 5);
    const dismissals = ids.map((userId) => admin.revokeRole({ userId, role: Role.ADMIN }));
    const refused = (await Promise.allSettled(dismissals)).filter((dismissal) => dismissal.status === "rejected");
    assert.equal(await auth.count(holders), 1);
    assert.equal(refused.length, 1);
    assert.equal(refused[0]?.reason.code, status.FAILED_PRECONDITION);
    assert.equal(refused[0]?.reason.reason, "LAST_ADMIN");
    await admin.grantRole({ userId: first, role: Role.ADMIN });
    await auth.database.query("DELETE FROM account_role WHERE role = 'admin' AND account_id <> $1", [first]);
  }
});

test("an admin who is dismissed twice at the same moment is not taken for the last", async () => {
  for (let round = 0; round < 10; round++) {
    const { id: userId } = await auth.newUser();
    await admin.grantRole({ userId, role: Role.ADMIN });
    const request = { userId, role: Role.ADMIN };
    const answers = await Promise.all([admin.revokeRole(request), admin.revokeRole(request)]);
    assert.deepEqual(answers, [{ roles: [Role.CUSTOMER] }, { roles: [Role.CUSTOMER] }]);
  }
});

test("notes every act with who, to what and in which request", async () => {
  const correlationId = randomUUIDv7();
  const options = { correlationId };
  const email = newEmail();
  const password = "correct horse";
  await auth.anybody.register({ email, password, displayName: "Somebody", requestId: randomUUIDv7() }, options);
  const { refreshToken } = await auth.anybody.login({ email, password }, options);
  await assert.rejects(auth.anybody.login({ email, password: "wrong" }, options));
  await assert.rejects(auth.anybody.login({ email: newEmail(), password }, options));
  await auth.anybody.refresh({ refreshToken }, options);
  await assert.rejects(auth.anybody.refresh({ refreshToken }, options));
  const again = await auth.anybody.login({ email, password }, options);
  await auth.anybody.logout({ refreshToken: again.refreshToken }, options);
  const { rows } = await auth.database.query("SELECT id FROM account WHERE email = $1", [email]);
  const userId: string = rows[0]?.id;
  await admin.grantRole({ userId, role: Role.MERCHANT }, options);
  await admin.revokeRole({ userId, role: Role.MERCHANT }, options);

  const { auditEntries } = await admin.listAuditEntries({ pageSize: 20, pageToken: "" });
  const acts = auditEntries.filter((entry) => entry.correlationId === correlationId).reverse();
  const user = `user:${userId}`;
  const shape = acts.map(({ actor, action, target }) => [
    actor === user ? "the user" : actor.replace(/^user:.*/, "the admin"),
    action,
    target === user ? "the user" : target.replace(/:.*/, ""),
  ]);
  assert.deepEqual(shape, [
    ["the user", "user.registered", "the user"],
    ["the user", "session.started", "session"],
    ["anonymous", "session.start-refused", "the user"],
    ["anonymous", "session.start-refused", "address"],
    ["anonymous", "token.reused", "session"],
    ["the user", "session.started", "session"],
    ["the user", "session.ended", "session"],
    ["the admin", "role.granted", "the user"],
    ["the admin", "role.revoked", "the user"],
  ]);
  for (const { createTime } of acts) assert.ok(Math.abs(Number(createTime) - Date.now()) < 30_000);
});

test("lists the audit trail newest first, page by page, while it grows", async () => {
  const all = (await admin.listAuditEntries({ pageSize: 200, pageToken: "" })).auditEntries.map(({ id }) => id);
  assert.ok(all.length > 20);
  const paged: string[] = [];
  let pageToken = "";
  do {
    const page = await admin.listAuditEntries({ pageSize: 7, pageToken });
    assert.ok(page.auditEntries.length <= 7);
    paged.push(...page.auditEntries.map(({ id }) => id));
    pageToken = page.nextPageToken;
    await assert.rejects(auth.anybody.login({ email: newEmail(), password: "wrong" })); // adds an entry
  } while (pageToken && paged.length < all.length);
  assert.deepEqual(paged.slice(0, all.length), all);
  assert.deepEqual(all, all.toSorted().reverse());
});

test("coerces the page size, and refuses a negative one and tokens of another list", async () => {
  await auth.database.query(
    "INSERT INTO runtime.audit (actor, action, target, correlation_id) SELECT 'service:test', 'test', 'test', '' FROM generate_series(1, 210)",
  );
  const list = (pageSize: number, pageToken = "") => admin.listAuditEntries({ pageSize, pageToken });
  assert.equal((await list(0)).auditEntries.length, 50);
  assert.equal((await list(1_000_000)).auditEntries.length, 200);
  const id = randomUUIDv7();
  const keys = [["' OR true"], [id.toUpperCase()], ["ffffffff"], ["\ud800"], [""], [id, id]];
  const forged = keys.map((key) => new PageTokens("audit-entries", "").encode(key));
  for (const token of [new PageTokens("orders", "").encode([id]), ...forged, "abc", "\0", "x".repeat(1_025)]) {
    await assert.rejects(list(10, token), { code: status.INVALID_ARGUMENT, message: /page_token/ });
  }
  await assert.rejects(list(-1), { code: status.INVALID_ARGUMENT, message: /page_size/ });
});

test("keeps the audit trail as it was written", async () => {
  await assert.rejects(auth.database.query("UPDATE runtime.audit SET actor = 'nobody'"), /append-only/);
  await assert.rejects(auth.database.query("DELETE FROM runtime.audit"), /append-only/);
});
