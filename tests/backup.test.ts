import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { removeState } from "@row/laptop/stores/infrastructure.ts";
import { afterAll, beforeAll, test } from "vitest";
import { DEMO_PRODUCTS, DEMO_SHELF } from "./chaos/demo-shelf.ts";
import { grpcDoor } from "./chaos/grpc-door.ts";
import { Shopper } from "./chaos/shopper.ts";
import { FakeAuth } from "./harness/fake-auth.ts";
import { portBase } from "./harness/ports.ts";
import { ServicesUnderTest } from "./harness/service-under-test.ts";
import { describe, violationsIn } from "./invariants/invariants.ts";
import { inDatabase } from "./invariants/read-databases.ts";
import { readEvidence } from "./invariants/read-evidence.ts";
import { settle } from "./invariants/settle.ts";

const PORT_BASE = await portBase();
const AUTH = `127.0.0.1:${PORT_BASE + 51}`;
const SERVICES = ["catalog", "inventory", "orders", "payments", "card-gateway"];
const NOTHING = { sagas: 0, outbox: 0, deliveries: 0 };
const SETTLE_MS = 60_000;
const main = resolve(import.meta.dirname, "../cli/src/main.ts");

const folder = mkdtempSync(join(tmpdir(), "row-backup-test-"));
const stateDir = join(folder, "shop");
const elsewhere = join(folder, "elsewhere");
const backup = join(folder, "shop.tar");

let auth: FakeAuth;
let shop: Shop | undefined;

beforeAll(async () => {
  auth = await FakeAuth.start(AUTH);
});
afterAll(async () => {
  await shop?.destroy();
  auth?.stop();
  for (const place of [stateDir, elsewhere]) removeState(place);
  rmSync(folder, { recursive: true, force: true });
});

async function start(place: string): Promise<{ shop: Shop; services: ServicesUnderTest }> {
  const env = { AUTH_ADDRESS: AUTH };
  shop = await startShop({ services: SERVICES, stateDir: place, portBase: PORT_BASE, mesh: false, env });
  return { shop, services: new ServicesUnderTest(shop, undefined) };
}

/** Runs in a process of its own, so that this one can answer it. */
async function row(place: string, ...args: string[]): Promise<{ code: number | null; out: string }> {
  const env = { ...process.env, ROW_STATE_DIR: place, ROW_PORT_BASE: String(PORT_BASE) };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, out: out + err };
}

/**
 * Asks the card gateway, which refuses, for as long as `goesOn` says, and notes in a table before each request and after
 * each answer: what was really asked lies between the two.
 */
async function keepBooks(shop: Shop, goesOn: () => boolean): Promise<void> {
  const { address } = shop.process("card-gateway");
  await inDatabase(shop, "payments", async (pool) => {
    while (goesOn()) {
      const reference = `books-${randomUUIDv7()}`;
      await pool.query("INSERT INTO books VALUES ($1, false)", [reference]);
      const url = `http://${address}/v1/authorizations/${reference}/capture`;
      await fetch(url, { method: "POST", headers: { "idempotency-key": reference } }).then((answer) => answer.text());
      await pool.query("UPDATE books SET answered = true WHERE reference = $1", [reference]);
    }
  });
}

/** What the table and the gateway's log do not agree about: both are to be of one instant. */
async function bookErrors(shop: Shop): Promise<string[]> {
  const log = await fetch(`http://${shop.process("card-gateway").address}/v1/log`).then((answer) => answer.text());
  const asked = new Set(log.match(/books-[0-9a-f-]+/g));
  const { rows } = await inDatabase(shop, "payments", (pool) => pool.query("SELECT * FROM books"));
  const noted = new Set(rows.map(({ reference }) => reference));
  assert.ok(asked.size > 20, "there are books");
  return [
    ...[...asked]
      .filter((reference) => !noted.has(reference))
      .map((reference) => `${reference} was asked for, not noted`),
    ...rows
      .filter(({ answered }) => answered)
      .flatMap(({ reference }) => (asked.has(reference) ? [] : `${reference} was answered, not asked`)),
  ];
}

/** Waits until nothing is left to do, finds every invariant held, and answers the ids of all orders. */
async function judge(shop: Shop): Promise<Set<string>> {
  assert.deepEqual(await settle(shop, SETTLE_MS), NOTHING);
  const evidence = await readEvidence(shop);
  assert.equal(describe(violationsIn(evidence)), "");
  return new Set(evidence.orders.map(({ id }) => id));
}

test("a backup taken while orders come in is a whole shop elsewhere, with every order accepted before", async () => {
  const first = await start(stateDir);
  const shopper = new Shopper(grpcDoor(first.services, await auth.tokenFor()));
  const deployment = { service: "catalog", version: "v2", replicas: 2, from: join(folder, "gone"), asked: "feature" };
  mkdirSync(join(stateDir, "mesh"));
  writeFileSync(join(stateDir, "mesh/deployments.json"), JSON.stringify([deployment]));
  const cards = ["tok_ok", "tok_declined", "tok_flaky", "tok_timeout", "tok_ok", "tok_insufficient_funds"];
  let isOpen = true;
  const customers = Array.from({ length: 8 }, async (_, customer) => {
    for (let count = customer; isOpen; count += 1) {
      const paymentToken = cards[count % cards.length] ?? "tok_ok";
      const id = await shopper.place({ items: [{ productId: DEMO_SHELF.plenty, quantity: 1 }], paymentToken });
      if (count % 5 === 0) await shopper.cancel(id);
      await sleep(50);
    }
  });
  await inDatabase(first.shop, "payments", (pool) =>
    pool.query("CREATE TABLE books (reference text PRIMARY KEY, answered boolean NOT NULL)"),
  );
  let areKept = true;
  const books = Array.from({ length: 4 }, () => keepBooks(first.shop, () => areKept));
  while (shopper.accepted.length < 60) await sleep(10);
  const accepted = shopper.accepted;
  const written = await row(stateDir, "backup", backup);
  assert.equal(written.code, 0, written.out);
  assert.equal(statSync(backup).mode & 0o777, 0o600);
  isOpen = false;
  areKept = false;
  await Promise.all([...customers, ...books]);
  assert.ok(shopper.accepted.length > accepted.length + 10, "orders went on coming in");
  const { demoPassword } = first.shop.infrastructure.secrets;
  await first.shop.destroy();

  const restored = await row(elsewhere, "restore", backup);
  assert.equal(restored.code, 0, restored.out);
  assert.match(
    restored.out,
    /code of catalog v2 is not in it: `npx row deploy catalog .* --replicas 2 --from feature`/,
  );
  assert.deepEqual(JSON.parse(readFileSync(join(elsewhere, "mesh/deployments.json"), "utf8")), [deployment]);
  const startedTime = new Date();
  const second = await start(elsewhere);
  assert.deepEqual(await bookErrors(second.shop), []);
  const orders = await judge(second.shop);
  assert.deepEqual(
    accepted.filter((id) => !orders.has(id)),
    [],
    "no order that was accepted before is lost",
  );
  const known = new Set(shopper.accepted);
  assert.deepEqual(
    [...orders].filter((id) => !known.has(id)),
    [],
    "somebody was told of every order",
  );
  const { rows } = await inDatabase(second.shop, "orders", (pool) =>
    pool.query("SELECT count(*)::int AS count FROM sagas WHERE finished_time > $1", [startedTime]),
  );
  assert.ok(rows[0]?.count > 0, "some sagas were under way in the backup");
  assert.equal(second.shop.infrastructure.secrets.demoPassword, demoPassword);

  const later = new Shopper(grpcDoor(second.services, await auth.tokenFor()));
  const id = await later.place({ items: [{ productId: DEMO_SHELF.plenty, quantity: 1 }], paymentToken: "tok_ok" });
  const ended = await later.reaches(id, ["CONFIRMED", "CANCELLED"], 60);
  assert.deepEqual([ended.state, ended.cancelReason], ["CONFIRMED", ""]);
});

test("an event that was published, and not yet consumed, is applied after the restore", async () => {
  assert.ok(shop, "the shop of the test before runs");
  const services = new ServicesUnderTest(shop, undefined);
  const product = DEMO_PRODUCTS.at(-1);
  assert.ok(product, "there are demo products");
  await judge(shop);
  await shop.halt("catalog");
  const inventory = services.client("inventory", InventoryServiceService, {
    token: await auth.tokenFor({ roles: ["merchant"] }),
  });
  const { stock } = await inDatabase(shop, "inventory", async (pool) => {
    const { rows } = await pool.query("SELECT on_hand::int AS stock FROM stock WHERE product_id = $1", [product.id]);
    return rows[0];
  });
  const counted = { productId: product.id, delta: BigInt(-stock), reason: "broken", requestId: randomUUIDv7() };
  await inventory.adjustStock(counted);
  assert.deepEqual(await settle(shop, SETTLE_MS, { consumers: false }), NOTHING);
  const shown = (shop: Shop) =>
    inDatabase(shop, "catalog", async (pool) => {
      const { rows } = await pool.query("SELECT available FROM availability WHERE product_id = $1", [product.id]);
      return rows[0]?.available;
    });
  assert.equal(await shown(shop), true);
  const file = join(folder, "unconsumed.tar");
  assert.equal((await row(elsewhere, "backup", file)).code, 0);
  await shop.stop();

  const restored = await row(elsewhere, "restore", "--force", file);
  assert.equal(restored.code, 0, restored.out);
  const again = await start(elsewhere);
  await judge(again.shop);
  assert.equal(await shown(again.shop), false);
});

test("a shop that runs, or is there, is not replaced", async () => {
  assert.match(
    (await row(elsewhere, "restore", "--force", backup)).out,
    /its shop is running \(pid \d+\)\. Stop it with/,
  );
  await shop?.stop();
  const { code, out } = await row(elsewhere, "restore", backup);
  assert.deepEqual([code, /there is a shop in it\. Choose another folder/.test(out)], [1, true], out);
});

test("a shop that does not run can be backed up too, and is left stopped", async () => {
  const file = join(folder, "stopped.tar");
  const written = await row(elsewhere, "backup", file);
  assert.equal(written.code, 0, written.out);
  assert.match((await row(elsewhere, "backup", file)).out, /^Cannot write .*: it is there already$/m);
  assert.match((await row(stateDir, "backup", join(folder, "none.tar"))).out, /there is no shop in it/);
  assert.equal((await row(elsewhere, "status")).code, 1);
});

test("a file that is no backup, damaged or newer is refused before anything is touched", async () => {
  const whole = readFileSync(backup);
  const about = JSON.parse(whole.toString("utf8", 512, whole.indexOf("\n}\n", 512) + 3));
  const described = async (name: string, change: object) => {
    writeFileSync(join(folder, "backup.json"), JSON.stringify({ ...about, ...change }));
    const child = spawn("tar", ["-cf", name, "backup.json"], { cwd: folder, stdio: "inherit" });
    assert.equal(await new Promise((resolve) => child.once("close", resolve)), 0);
    return join(folder, name);
  };
  const write = (name: string, content: Buffer | string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const flipped = Buffer.from(whole);
  const at = flipped.indexOf('"sequence":3');
  assert.ok(at > 0, "the gateway's log is in it as it is");
  flipped.write('"sequence":7', at);
  const newer = { orders: { ...about.migrations.orders, public: ["20301224000000_carriers"] } };
  const unknown = { shipping: { public: [] } };

  const before = readFileSync(join(elsewhere, "secrets.json"), "utf8");
  const refusals: [string, RegExp][] = [
    [join(folder, "nowhere.tar"), /: there is no such file$/m],
    [write("text.tar", "not a backup"), /: it is not a backup that `npx row backup FILE` made/],
    [write("empty.tar", ""), /: it is not a backup that `npx row backup FILE` made/],
    [write("short.tar", whole.subarray(0, whole.length / 2)), /: it is damaged, or not all of it is there \(/],
    // Where tar itself sees nothing wrong, because the cut is between two files.
    [write("cut.tar", whole.subarray(0, whole.indexOf("files/secrets.json"))), /: it is damaged, .* is missing\)/],
    [write("flipped.tar", flipped), /: it is damaged, .*gateway\.log was changed\)/],
    [
      await described("format.tar", { version: about.version + 1 }),
      /: it is of format 2, and this checkout reads up to 1/,
    ],
    [await described("postgres.tar", { postgres: "19" }), /: it is of Postgres 19, and this checkout has 18/],
    [
      await described("code.tar", { migrations: newer }),
      /: it is of newer code, which had orders's migration 20301224/,
    ],
    [
      await described("service.tar", { migrations: unknown }),
      /: it is of newer code, which had the database of shipping/,
    ],
  ];
  for (const [file, message] of refusals) {
    const { code, out } = await row(elsewhere, "restore", "--force", file);
    assert.match(out, message);
    assert.equal(code, 1);
    assert.equal(out.trim().split("\n").length, 1, out);
  }
  assert.equal(readFileSync(join(elsewhere, "secrets.json"), "utf8"), before);
  assert.ok(existsSync(join(elsewhere, "card-gateway/gateway.log")));
});
