import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { beforeAll, test } from "vitest";
import { newProduct, place, reaches } from "./harness/ordering.ts";
import { errorInfo, expectOk } from "./harness/rest.ts";
import { claimsOf, type TheShop, theShop } from "./harness/the-shop.ts";

let shop: TheShop;

beforeAll(async () => {
  shop = await theShop();
});

test("a refresh token works once; its second use ends the session", async () => {
  const { rest } = shop;
  const { refreshToken } = await shop.customer();
  const second = expectOk(await rest.post("/v1/auth/refresh", { refreshToken }));
  assert.notEqual(second.refreshToken, refreshToken);
  expectOk(await rest.get("/v1/orders", { token: second.accessToken }));
  const third = expectOk(await rest.post("/v1/auth/refresh", { refreshToken: second.refreshToken }));

  const reused = await rest.post("/v1/auth/refresh", { refreshToken });
  assert.deepEqual([reused.status, reused.body.code, errorInfo(reused)?.reason], [401, 16, "REFRESH_TOKEN_REUSED"]);
  const ended = await rest.post("/v1/auth/refresh", { refreshToken: third.refreshToken });
  assert.equal(ended.status, 401, "whoever holds the newest token is signed out too");
});

test("after logout the session's refresh token works no more, and a second logout answers the same", async () => {
  const { rest } = shop;
  const { refreshToken } = await shop.customer();
  const first = await rest.post("/v1/auth/logout", { refreshToken });
  const again = await rest.post("/v1/auth/logout", { refreshToken });
  const unknown = await rest.post("/v1/auth/logout", { refreshToken: "never issued" });
  assert.deepEqual([first.status, first.body], [200, {}]);
  assert.deepEqual([again.body, unknown.body], [first.body, first.body]);
  const refused = await rest.post("/v1/auth/refresh", { refreshToken });
  assert.deepEqual([refused.status, errorInfo(refused)?.reason], [401, "REFRESH_TOKEN_INVALID"]);
});

test("neither register nor login tells whether an address has an account", async () => {
  const { rest } = shop;
  const { email } = await shop.customer();
  const registration = { email, password: "another password", displayName: "Impostor" };
  const taken = await rest.post("/v1/auth/register", registration);
  const free = await rest.post("/v1/auth/register", { ...registration, email: `free-${email}` });
  assert.deepEqual([taken.status, taken.body], [free.status, free.body]);
  const login = (email: string, password: string) => rest.post("/v1/auth/login", { email, password });
  const wrong = await login(email, "another password");
  const nobody = await login(`nobody-${email}`, "another password");
  assert.equal(wrong.status, 401, "the impostor's password opens nothing");
  assert.deepEqual(
    [wrong.status, errorInfo(wrong), wrong.body.message],
    [nobody.status, errorInfo(nobody), nobody.body.message],
  );
});

test("the key set verifies tokens for anybody who asks", async () => {
  const { accessToken, id } = await shop.customer();
  const url = new URL("/.well-known/jwks.json", shop.rest.url);
  const { payload, protectedHeader } = await jwtVerify(accessToken, createRemoteJWKSet(url), {
    issuer: "canary-row-auth",
    audience: "canary-row-shop",
    algorithms: ["ES256"],
  });
  assert.equal(payload.sub, id);
  assert.deepEqual(payload.roles, ["customer"]);
  assert.ok(protectedHeader.kid);
  const lifetime = claimsOf(accessToken).exp - Date.now() / 1_000;
  assert.ok(lifetime > 14 * 60 && lifetime <= 15 * 60, `${lifetime} s`);
  const { keys } = expectOk(await shop.rest.get("/.well-known/jwks.json"));
  assert.ok(
    keys.every((key: { d?: string }) => key.d === undefined),
    "and holds nothing private",
  );
});

test("a running session goes on while auth is down", async () => {
  const customer = await shop.customer();
  const product = await newProduct(shop);
  // One token is known to every service already, the other to none: its key is.
  expectOk(await shop.rest.get("/v1/orders", { token: customer.accessToken }));
  const { accessToken } = await shop.signIn(customer.email, "correct horse battery");
  await shop.halt("auth");
  try {
    for (const session of [customer, { ...customer, accessToken }]) {
      const { order } = expectOk(await place(shop, session, { productId: product.id }));
      await reaches(shop, session, order.id, "STATE_CONFIRMED");
    }
    const login = await shop.rest.post("/v1/auth/login", { email: customer.email, password: "correct horse battery" });
    assert.deepEqual([login.status, login.body.code], [503, 14]);
  } finally {
    await shop.resume("auth");
  }
  // The edge looks again within a second.
  await sleep(1_500);
  await shop.signIn(customer.email, "correct horse battery");
});
