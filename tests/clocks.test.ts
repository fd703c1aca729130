/**
 * The clock of one service, or of all of them, is set ahead or back while they run, and then right again: what was begun ends well,
 * and sign-in, tokens and orders work at once. Postgres's clock, by which the shop keeps its times, stays right.
 */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { afterAll, beforeAll, test } from "vitest";
import { orderOf } from "./harness/ordering.ts";
import { portBase } from "./harness/ports.ts";
import { type Answer, expectOk, Rest } from "./harness/rest.ts";

const HOUR_MS = 3_600_000;
const PRODUCT = "01a19467-e800-7000-8000-000000000001";
const JUMPS = { "an hour": HOUR_MS, "30 days": 30 * 24 * HOUR_MS, "a year": 365 * 24 * HOUR_MS };
/** Longer than a process takes to look at its clock. */
const NOTICED_MS = 150;

const services = discoverServices(resolve(import.meta.dirname, "..")).map(({ name }) => name);
const folder = mkdtempSync(join(tmpdir(), "row-clocks-"));
let shop: Shop;
let rest: Rest;

beforeAll(async () => {
  for (const service of services) writeFileSync(join(folder, service), "0");
  const clock = import.meta.resolve("./harness/shifted-clock.ts");
  const envOf = Object.fromEntries(
    services.map((service) => [
      service,
      { NODE_OPTIONS: `--import=${clock}`, CLOCK_OFFSET_FILE: join(folder, service) },
    ]),
  );
  shop = await startShop({ stateDir: join(folder, "state"), portBase: await portBase(), mesh: false, envOf });
  rest = new Rest(`http://${shop.process("edge").address}`);
});
afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

async function setClocks(names: readonly string[], ms: number): Promise<void> {
  for (const name of names) writeFileSync(join(folder, name), String(ms));
  await sleep(NOTICED_MS);
}

interface Account {
  readonly email: string;
  readonly password: string;
}

interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

async function newAccount(): Promise<Account> {
  const account = { email: `${randomUUIDv7()}@example.com`, password: "correct horse battery" };
  expectOk(await rest.post("/v1/auth/register", { ...account, displayName: "Somebody" }));
  return account;
}

const signIn = async (account: Account): Promise<Session> => expectOk(await rest.post("/v1/auth/login", account));

const place = (token: string, paymentToken?: string): Promise<Answer> =>
  rest.post("/v1/orders", orderOf({ productId: PRODUCT, paymentToken }), { token });

async function ends(id: string, token: string): Promise<string> {
  const end = performance.now() + 25_000;
  for (;;) {
    const { order } = expectOk(await rest.get(`/v1/orders/${id}`, { token }));
    if (order.state !== "STATE_PENDING") return `${order.state} ${order.cancelReason ?? ""}`.trim();
    if (performance.now() > end) return order.state;
    await sleep(50);
  }
}

async function buys(token: string): Promise<string> {
  return ends(expectOk(await place(token)).order.id, token);
}

async function survives(names: readonly string[], ms: number): Promise<void> {
  const account = await newAccount();
  const before = await signIn(account);
  // Its payment works at the third try, with pauses between.
  const underWay = expectOk(await place(before.accessToken, "tok_flaky")).order.id;
  await setClocks(names, ms);
  const during = await signIn(account);
  assert.equal((await rest.get("/v1/products?pageSize=1")).status, 200);
  // Whoever has a wrong clock may take a good token for an old one; for a fault of anybody's nobody may.
  const { status } = await place(during.accessToken);
  assert.ok(status === 200 || status === 401, `an order meanwhile: ${status}`);
  await setClocks(names, 0);
  assert.equal(await ends(underWay, before.accessToken), "STATE_CONFIRMED");
  for (const { accessToken } of [before, during]) assert.equal(await buys(accessToken), "STATE_CONFIRMED");
  const renewed = expectOk(await rest.post("/v1/auth/refresh", { refreshToken: during.refreshToken }));
  assert.equal(await buys(renewed.accessToken), "STATE_CONFIRMED");
  assert.equal(await buys((await signIn(account)).accessToken), "STATE_CONFIRMED");
}

for (const [name, jump] of Object.entries(JUMPS)) {
  for (const ms of [jump, -jump]) {
    const where = `${name} ${ms > 0 ? "ahead" : "back"}`;
    test(`after all clocks were ${where}, sign-in, tokens and orders work at once`, () => survives(services, ms));
  }
}

for (const service of services) {
  test(`after the clock of ${service} alone was a year ahead and an hour back, so do they`, async () => {
    for (const ms of [JUMPS["a year"], -JUMPS["an hour"]]) await survives([service], ms);
  });
}

test("an order that waits for payments is not given up because a clock is set ahead of its time", async (t) => {
  t.onTestFinished(() => setClocks(services, 0));
  const account = await newAccount();
  const { accessToken } = await signIn(account);
  await shop.halt("payments");
  const { order } = expectOk(await place(accessToken));
  await setClocks(["orders"], JUMPS["an hour"]);
  await sleep(1_000); // it is tried again, and found to be in time
  await setClocks(["orders"], 0);
  await shop.resume("payments");
  assert.equal(await ends(order.id, accessToken), "STATE_CONFIRMED");
});
