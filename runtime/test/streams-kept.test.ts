import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { afterAll, beforeAll, test } from "vitest";
import { registry } from "../src/contract.ts";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { DEAD_LETTERS, deadSubject, streamConfigs } from "../src/events/stream-names.ts";
import { provisionStreams } from "../src/events/streams.ts";
import { log, startNats } from "./harness.ts";

const EVENT = StockLevelChanged.$type;
const DAY_NS = 24 * 3_600 * 1e9;

let server: Awaited<ReturnType<typeof startNats>>;
let nats: Nats;
beforeAll(async () => {
  server = await startNats();
  nats = await connectNats({ url: server.url, log });
});
afterAll(async () => {
  await nats?.close();
  await server?.remove();
});

test("a stream keeps events for longer than the outbox, and for less long than an inbox knows them, also one that was there before", async () => {
  const { streams } = await jetstreamManager(nats.connection);
  const [first] = streamConfigs(registry);
  assert.ok(first);
  await streams.add({ ...first, max_age: 0 }); // as earlier versions made it
  await provisionStreams(nats.connection, registry, []);
  for (const { name } of streamConfigs(registry)) {
    const { max_age } = (await streams.info(name)).config;
    assert.ok(max_age > 7 * DAY_NS && max_age < 14 * DAY_NS, name);
  }
});

test("dead letters have a bound, and one more is refused rather than the oldest forgotten", async () => {
  const { streams } = await jetstreamManager(nats.connection);
  const { config } = await streams.info(DEAD_LETTERS);
  assert.ok(config.max_msgs > 0);
  await streams.update(DEAD_LETTERS, { ...config, max_msgs: 2 }); // so that it is soon full
  const put = () => nats.js.publish(deadSubject("catalog", EVENT), "?", { msgID: randomUUID() });
  await put();
  await put();
  await assert.rejects(put(), /maximum messages exceeded/);
  assert.equal((await streams.info(DEAD_LETTERS)).state.first_seq, 1);
});
