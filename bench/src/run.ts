import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "./bench.ts";
import { BenchProcess } from "./bench-process.ts";
import { Cleanup } from "./cleanup.ts";
import { LoadGenerator } from "./load-generator.ts";
import { measureEcho } from "./parts/echo.ts";
import { measureEvents } from "./parts/events.ts";
import { measureExtras } from "./parts/extras.ts";
import { memoryOf } from "./parts/memory.ts";
import { measureMeshHop } from "./parts/mesh-hop.ts";
import { measureOrdering } from "./parts/ordering.ts";
import { measureReading } from "./parts/reading.ts";
import { measureStart } from "./parts/start-time.ts";
import type { Plan } from "./plan.ts";
import { PORTS } from "./ports.ts";
import { describeMachine } from "./report/machine.ts";
import type { Results } from "./results.ts";
import { ShopStack } from "./shop-stack.ts";
import { TutorialStack } from "./tutorial-stack.ts";

// One place for all runs of a user, so that a run finds and stops what an earlier one left when it was killed.
const place = join(tmpdir(), `canary-row-bench-${process.getuid?.() ?? 0}`);

/** Measures everything, and leaves nothing running and nothing behind but its results; `interrupted` rejects to end it. */
export async function run(plan: Plan, say: (text: string) => void, interrupted: Promise<never>): Promise<Results> {
  const cleanup = new Cleanup();
  try {
    return await Promise.race([measure(plan, say, cleanup), interrupted]);
  } finally {
    await cleanup.run();
  }
}

async function measure(plan: Plan, say: (text: string) => void, cleanup: Cleanup): Promise<Results> {
  const logs = join(place, "logs");
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  say("a bare grpc-js echo");
  const echo = await measureEcho(plan, logs);
  say("a bare call through two sidecars");
  const meshHop = await measureMeshHop(plan, logs, cleanup);
  if (plan.isFull) say("npm start, twice");
  const timeStart = () => measureStart(join(place, "start"), PORTS.comparedShop);
  // It stops the shop that it starts by itself, so there is nothing to close but much to wait for.
  const start = plan.isFull ? await cleanup.keep(timeStart(), async () => {}) : undefined;

  say("the shop and the tutorial stack start");
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${PORTS.spanSink}` };
  const sink = BenchProcess.start("span sink", "span-sink.ts", logs, { PORT: String(PORTS.spanSink) });
  const spanSink = await cleanup.keep(sink, (it) => it.stop());
  const shop = await cleanup.keep(ShopStack.start(join(place, "shop"), PORTS.shop, env), (it) => it.stop());
  await sleep(plan.settleSeconds * 1_000);
  const afterStart = memoryOf(shop);
  await shop.stockUp();
  const adminUrl = (database?: string) => shop.adminUrl(database);
  const tutorial = await cleanup.keep(TutorialStack.start(adminUrl, logs), (it) => it.stop());
  const generator = await cleanup.keep(LoadGenerator.overHttp(logs), ({ process }) => process.stop());
  const bench: Bench = { plan, shop, tutorial, generator, spanSink };

  say("reading a product, without sidecars and behind them");
  const meshed = await cleanup.keep(ShopStack.start(join(place, "compared"), PORTS.comparedShop, env, true), (it) =>
    it.stop(),
  );
  const reading = await measureReading(bench, meshed);
  await meshed.stop();
  say("placing an order");
  const ordering = await measureOrdering(bench);
  say("events from commit to handler");
  const events = await measureEvents(bench, Math.max(1, ordering.confirmed.perSecond / 2));
  const afterLoad = memoryOf(shop);
  say("what each extra costs");
  const extras = await measureExtras(bench, cleanup, join(place, "compared"), env);
  say("stopping");
  const { isFull, rounds, roundSeconds, connections, ordersUnderWay, settleSeconds } = plan;
  return {
    time: new Date().toISOString(),
    machine: await describeMachine(shop.adminUrl()),
    ...{ isFull, rounds, roundSeconds, connections, ordersUnderWay, settleSeconds },
    start: start ?? { first: shop.readySeconds, again: shop.readySeconds },
    ...{ echo, meshHop, reading, ordering, events, extras },
    memory: { afterStart, afterLoad },
  };
}
