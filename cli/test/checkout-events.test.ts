import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { connect } from "@nats-io/transport-node";
import { OrderPlaced } from "@row/gen/grpc/shop/orders/v1/orders_events.ts";
import { connectAsAdmin } from "@row/laptop/provision/streams.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import type { ShopOptions } from "@row/laptop/shop/shop-options.ts";
import { toHeaders } from "@row/runtime/events/headers.ts";
import { durableOf, inboxPrefix } from "@row/runtime/events/stream-names.ts";
import { portBase } from "@row/tests/harness/ports.ts";
import { afterAll, beforeAll, test } from "vitest";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "row-checkout-"));
const checkout = join(folder, "checkout");
const base = await portBase();
const options: ShopOptions = { services: ["auth", "catalog"], stateDir: join(folder, "state"), portBase: base };
const OWN = "shop.inventory.v1.StockLevelChanged";
const PLACED = OrderPlaced.$type;

let shop: Shop;

beforeAll(async () => {
  const filter = (path: string) => basename(path) !== "node_modules";
  for (const path of ["package.json", "runtime", "services", "topology", "mesh", "gen"])
    cpSync(join(root, path), join(checkout, path), { recursive: true, filter });
  change("services/catalog/src/main.ts", 'import { variables } from "./config.ts";', (line) =>
    [`import { OrderPlaced } from "@row/gen/grpc/shop/orders/v1/orders_events.ts";`, line].join("\n"),
  );
  change("services/catalog/src/main.ts", "    await host.consume(stockLevelChanged(pool));", (line) =>
    [
      line,
      "    await host.consume({ event: OrderPlaced, handler: async ({ orderId }) => console.log('placed', orderId) });",
    ].join("\n"),
  );
  consume(PLACED);
  shop = await startShop(options);
});

afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

function change(path: string, part: string, to: (part: string) => string): void {
  const file = join(checkout, path);
  const code = readFileSync(file, "utf8");
  assert.ok(code.includes(part), "the code is not what this test changes");
  writeFileSync(file, code.replace(part, to(part)));
}

/** Has the checkout's catalog list an event besides the shop's own. */
function consume(event: string): void {
  const file = join(checkout, "services/catalog/service.yaml");
  const manifest = readFileSync(file, "utf8");
  writeFileSync(file, manifest.replace(/^consumes: .*$/m, `consumes: [${OWN}, ${event}]`));
}

/** Publishes an order as its own service would, and answers its id. */
async function placeOrder(): Promise<string> {
  const { ports, secrets } = shop.infrastructure;
  const connection = await connectAsAdmin(ports.nats, secrets);
  const [id, orderId] = [randomUUIDv7(), randomUUIDv7()];
  const origin = { correlationId: id, traceparent: "", producer: "orders/v1/test" };
  const headers = toHeaders({ id, type: PLACED, time: new Date(), aggregateId: orderId, sequence: 1n, ...origin });
  const message = OrderPlaced.encode(OrderPlaced.fromPartial({ orderId })).finish();
  await connection.request(PLACED, message, { headers, timeout: 2_000 });
  await connection.close();
  return orderId;
}

function log(instance: string): string {
  return readFileSync(join(folder, "state/logs", `${instance}.log`), "utf8");
}

async function seen(orderId: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!log("catalog-v2-1").includes(`placed ${orderId}\n`)) {
    assert.ok(Date.now() < end, "the event does not arrive");
    await sleep(20);
  }
}

/** Asks for the consumer of placed orders with catalog's own rights. */
async function askForConsumer(): Promise<void> {
  const { NATS_URL, NATS_USER, NATS_PASSWORD } = shop.infrastructure.environmentOf("catalog");
  const login = { servers: NATS_URL, user: NATS_USER, pass: NATS_PASSWORD, inboxPrefix: inboxPrefix("catalog") };
  const connection = await connect(login);
  try {
    const subject = `$JS.API.CONSUMER.INFO.ORDERS.${durableOf("catalog", PLACED)}`;
    await connection.request(subject, "", { timeout: 2_000, noMux: true });
  } finally {
    await connection.close();
  }
}

/** The connections that instances of catalog hold. */
async function connections(): Promise<number[]> {
  const response = await fetch(`http://127.0.0.1:${shop.infrastructure.ports.natsMonitor}/connz?auth=true`);
  const { connections } = (await response.json()) as { connections: { cid: number; authorized_user: string }[] };
  return connections.filter((one) => one.authorized_user === "catalog").map(({ cid }) => cid);
}

async function row(...words: string[]): Promise<string> {
  const env = { ...process.env, ROW_STATE_DIR: options.stateDir, ROW_PORT_BASE: String(options.portBase) };
  const { stdout, stderr } = await run(process.execPath, [join(root, "cli/src/main.ts"), ...words], { env }).catch(
    (error) => error,
  );
  return stdout + stderr;
}

test("code of another checkout gets the events that it alone consumes, and nobody is disconnected for it", async () => {
  const held = await connections();
  assert.equal(held.length, 1);
  await assert.rejects(askForConsumer(), /permissions violation/i);
  assert.match(
    await row("deploy", "catalog", "--version", "v2", "--from", checkout),
    /^catalog v2 runs: catalog-v2-1$/m,
  );
  await seen(await placeOrder());
  assert.doesNotMatch(log("catalog-v1-1"), /placed/);
  assert.equal(new Set([...(await connections()), ...held]).size, 2);
});

test("gets them after a restart of the shop too", async () => {
  await shop.stop();
  shop = await startShop(options);
  await seen(await placeOrder());
});

test("may read them no more once no such version runs, and again when one does", async () => {
  await row("scale", "catalog", "--version", "v2", "--replicas", "0");
  await assert.rejects(askForConsumer(), /permissions violation/i);
  const orderId = await placeOrder();
  await row("scale", "catalog", "--version", "v2", "--replicas", "1");
  await seen(orderId);
  await row("undeploy", "catalog", "--version", "v2");
  await assert.rejects(askForConsumer(), /permissions violation/i);
});

test("refuses code that consumes what cannot reach it, before it starts or changes anything", async () => {
  const instances = () => shop.processes.map(({ instance }) => instance);
  const running = instances();
  consume("shop.orders.v1.OrderPlacd");
  assert.equal(
    await row("deploy", "catalog", "--version", "v3", "--from", checkout),
    `Cannot run catalog from ${checkout}: it lists shop.orders.v1.OrderPlacd under "consumes", but no contract there declares that\n`,
  );
  const file = join(checkout, "gen/contracts.binpb");
  const contracts = fromBinary(FileDescriptorSetSchema, readFileSync(file));
  const name = "shop/loyalty/v1/loyalty_events.proto";
  const messageType = [{ name: "PointsEarned" }];
  contracts.file.push(
    create(FileDescriptorProtoSchema, { name, package: "shop.loyalty.v1", syntax: "proto3", messageType }),
  );
  writeFileSync(file, toBinary(FileDescriptorSetSchema, contracts));
  consume("shop.loyalty.v1.PointsEarned");
  assert.match(
    await row("deploy", "catalog", "--version", "v3", "--from", checkout),
    /^Cannot run catalog from .*: it lists shop\.loyalty\.v1\.PointsEarned under "consumes", but no stream of this shop keeps that, they keep .*shop\.orders\.v1\.>/,
  );
  assert.deepEqual(instances(), running);
  const { resources } = await shop.meshControl.resources({});
  assert.ok(!resources.some(({ metadata }) => metadata.name === "catalog-v3"));
});
