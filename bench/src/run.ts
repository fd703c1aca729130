import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "./bench.ts";
import { BenchProcess } from "./bench-process.ts";
import { LoadGenerator } from "./load-generator.ts";
import { measureEcho } from "./parts/echo.ts";
import { measureEvents } from "./parts/events.ts";
import { measureExtras } from "./parts/extras.ts";
import { memoryOf } from "./parts/memory.ts";
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

/** Measures everything, and leaves nothing running and nothing behind but its results. */
export async function run(plan: Plan, say: (text: string) => void): Promise<Results> {
  const logs = join(place, "logs");
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const cleanUp: (() => Promise<void>)[] = [];
  const keepOpen = async <T>(thing: Promise<T>, close: (thing: T) => Promise<void>): Promise<T> => {
    const opened = await thing;
    cleanUp.push(() => close(opened));
    return opened;
  };
  try {
    say("a bare grpc-js echo");
    const echo = await measureEcho(plan, logs);
    say(plan.isFull ? "npm start, twice" : "the start of the shop");
    const timed = plan.isFull ? await measureStart(join(place, "start"), PORTS.comparedShop) : undefined;

    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${PORTS.spanSink}` };
    const sinkPort = { PORT: String(PORTS.spanSink) };
    const stop = (process: BenchProcess) => process.stop();
    const spanSink = await keepOpen(BenchProcess.start("span sink", "span-sink.ts", logs, sinkPort), stop);
    const shop = await keepOpen(ShopStack.start(join(place, "shop"), PORTS.shop, env), (it) => it.stop());
    await sleep(plan.settleSeconds * 1_000);
    const afterStart = memoryOf(shop);
    await shop.stockUp();
    const adminUrl = (database?: string) => shop.adminUrl(database);
    const tutorial = await keepOpen(TutorialStack.start(adminUrl, logs), (it) => it.stop());
    const generator = await keepOpen(LoadGenerator.overHttp(logs), ({ process }) => process.stop());
    const bench: Bench = { plan, shop, tutorial, generator, spanSink, say };

    say("reading a product");
    const reading = await measureReading(bench);
    say("placing an order");
    const ordering = await measureOrdering(bench);
    say("events");
    const events = await measureEvents(bench, Math.max(1, ordering.confirmed.perSecond / 2));
    const afterLoad = memoryOf(shop);
    say("extras");
    const extras = await measureExtras(bench, join(place, "compared"), env);
    await checkSpansArrived();
    const { rounds, roundSeconds, connections, ordersUnderWay } = plan;
    return {
      time: new Date().toISOString(),
      machine: await describeMachine(shop.adminUrl()),
      ...{ rounds, roundSeconds, connections, ordersUnderWay },
      start: timed ?? { first: shop.readySeconds, again: shop.readySeconds },
      ...{ echo, reading, ordering, events, extras },
      memory: { afterStart, afterLoad },
    };
  } finally {
    for (const close of cleanUp.toReversed()) await close();
  }
}

// Telemetry that goes nowhere would cost less than what is claimed to be measured.
async function checkSpansArrived(): Promise<void> {
  const received = Number(await (await fetch(`http://127.0.0.1:${PORTS.spanSink}`)).text());
  if (received === 0) throw new Error("No spans arrived: the shop was measured without its telemetry");
}
