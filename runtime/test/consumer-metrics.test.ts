import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { afterAll, beforeAll, test } from "vitest";
import { type AdminServer, startAdmin } from "../src/admin.ts";
import { registry } from "../src/contract.ts";
import { CONSUMER_FAULTS } from "../src/events/consumer-fault.ts";
import { ConsumerMetrics } from "../src/events/consumer-metrics.ts";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { natsUser } from "../src/events/nats-configuration.ts";
import { consumerConfig, streamOf } from "../src/events/stream-names.ts";
import { provisionStreams } from "../src/events/streams.ts";
import { subscribe } from "../src/events/subscribe.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";
import { eventually, log, provision, startNats } from "./harness.ts";

const ADMIN = `127.0.0.1:${await freePort()}`;
const EVENT = StockLevelChanged.$type;

let server: Awaited<ReturnType<typeof startNats>>;
let operator: Nats;
let nats: Nats;
let admin: AdminServer;
const telemetry = startTelemetry({ name: "catalog", version: "v1", instance: "catalog-v1-1", endpoint: undefined });

beforeAll(async () => {
  // With no more rights than the service has in a shop.
  const users = [{ user: "operator", password: "o" }, natsUser("catalog", [EVENT], "c")];
  server = await startNats(`authorization: ${JSON.stringify({ users })}`);
  operator = await connectNats({ url: server.url, user: "operator", password: "o", inboxPrefix: "_INBOX", log });
  await provision(operator, "catalog", [EVENT]);
  nats = await connectNats({ url: server.url, user: "catalog", password: "c", log });
  admin = await startAdmin(ADMIN, telemetry);
});

afterAll(async () => {
  await admin?.close();
  await nats?.close();
  await operator?.close();
  await server?.remove();
});

/** What /metrics says of a metric of the event. */
async function figure(name: string, label = ""): Promise<number | undefined> {
  const text = await (await fetch(`http://${ADMIN}/metrics`)).text();
  const line = text
    .split("\n")
    .find((line) => line.startsWith(`${name}{`) && line.includes(`event="${EVENT}"`) && line.includes(label));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

test("a consumer shows what waits, and the dead letters from none on", async () => {
  const metrics = new ConsumerMetrics(telemetry, nats, "catalog");
  assert.equal(await figure("events_unhandled"), undefined);
  metrics.follow(EVENT);
  assert.equal(await figure("events_unhandled"), 0);
  assert.equal(await figure("events_dead_letters_total"), 0);

  // None of these is an event that anybody could read.
  const written = headers();
  written.set("x-producer-version", "inventory/v2/inventory-v2-1");
  for (let i = 0; i < 3; i += 1) await operator.js.publish(EVENT, "?", { msgID: randomUUID(), headers: written });
  assert.equal(await figure("events_unhandled"), 3);

  const onBuried = (publishedBy: string) => metrics.buried(EVENT, publishedBy);
  const handler = async () => {};
  const subscription = subscribe({ nats, service: "catalog", event: StockLevelChanged, log, handler, onBuried });
  try {
    await eventually("all are dead", async () => (await figure("events_dead_letters_total")) === 3);
    await eventually("none waits", async () => (await figure("events_unhandled")) === 0);
    assert.equal(await figure("events_undeliverable_total", 'producer="inventory/v2"'), 3);
  } finally {
    await subscription.stop();
  }
});

test("a consumer that is deleted, changed or made again on the server shows", async () => {
  const { streams, consumers } = await jetstreamManager(operator.connection);
  const durable = consumerConfig("catalog", EVENT);
  const stream = streamOf(EVENT);
  const faults = async () => {
    const figures = await Promise.all(
      CONSUMER_FAULTS.map((fault) => figure("events_consumer_faults", `fault="${fault}"`)),
    );
    assert.ok(figures.every((value) => value === 0 || value === 1));
    return CONSUMER_FAULTS.filter((_, index) => figures[index] === 1);
  };
  assert.deepEqual(await faults(), []);
  await consumers.delete(stream, durable.durable_name);
  assert.deepEqual(await faults(), ["missing"]);
  await consumers.add(stream, { ...durable, max_deliver: 1 });
  assert.deepEqual(await faults(), ["misconfigured"]);
  await streams.delete(stream);
  assert.deepEqual(await faults(), ["stream missing"]);
  await provisionStreams(operator.connection, registry, [{ name: "catalog", consumes: [EVENT] }]);
  assert.deepEqual(await faults(), []);
});

test("without NATS the last figures stay, and /metrics answers", async () => {
  await server.stop();
  try {
    await eventually("the client has noticed", () => !nats.connected());
    assert.equal(await figure("events_unhandled"), 0);
    assert.equal(await figure("events_dead_letters_total"), 3);
  } finally {
    await server.start();
  }
});
