import { GENERATOR } from "../bench.ts";
import type { Ratio } from "../measure/ratio.ts";
import type { Summary } from "../measure/round.ts";
import type { Results } from "../results.ts";
import { barsOf } from "./bars.ts";
import { markdownTable } from "./markdown-table.ts";

const QUICK_NOTE = "A quick run: it shows that everything works; its figures mean nothing.";

/** A run as Markdown: what is printed, and what docs/performance.md shows. */
export function report(results: Results): string {
  return [
    machine(results),
    ...(results.isFull ? ["### What should be reached\n", bars(results)] : [QUICK_NOTE]),
    "\n### Requests\n",
    requests(results),
    "\n### A bare call, direct and through two sidecars\n",
    meshHop(results),
    "\n### What each extra costs when reading a product\n",
    extras(results),
    "\n### CPU and memory by process\n",
    processes(results),
    "\n### Memory of the shop's own processes, at rest\n",
    memory(results),
    "",
  ].join("\n");
}

function machine({ time, machine, rounds, roundSeconds, connections, ordersUnderWay }: Results): string {
  const { cpu, cores, memoryGigabytes, system, node, postgres } = machine;
  const day = time.slice(0, 10);
  return `Measured on ${day}: ${cores} cores (${cpu}), ${memoryGigabytes} GB, ${system}, Node ${node}, Postgres ${postgres}.
${rounds} rounds of ${roundSeconds} s each, ${connections} connections, ${ordersUnderWay} orders under way where they are waited for.
`;
}

function bars(results: Results): string {
  const rows = barsOf(results).map(({ name, wanted, found, isMet }) => [name, wanted, found, isMet ? "yes" : "no"]);
  return markdownTable(["", "wanted", "found", "reached"], rows);
}

function requests({ echo, reading, ordering, events }: Results): string {
  const row = (name: string, summary: Summary, ratio?: Ratio, base?: Summary) => [
    name,
    whole(summary.perSecond),
    ratio ? `${ratio.median.toFixed(2)}× (${ratio.lowest.toFixed(2)}–${ratio.highest.toFixed(2)})` : "",
    summary.p50.toFixed(1),
    summary.p99.toFixed(1),
    String(Object.values(summary.errors).reduce((sum, times) => sum + times, 0)),
    summary.cpuPerThousand.toFixed(2),
    base ? `${(summary.cpuPerThousand / base.cpuPerThousand).toFixed(2)}×` : "",
  ];
  const table = markdownTable(
    ["", "requests/s", "of the tutorial stack", "p50 ms", "p99 ms", "errors", "CPU s per 1,000", "of the tutorial's"],
    [
      row("bare grpc-js echo", echo),
      row("reading a product, tutorial stack", reading.tutorial),
      row("reading a product, shop", reading.shop, reading.ratio, reading.tutorial),
      row("reading a product, shop behind sidecars", reading.meshed, reading.meshedRatio, reading.tutorial),
      row("placing an order, tutorial stack", ordering.tutorial),
      row("placing an order, shop: accepted", ordering.accepted, ordering.acceptedRatio, ordering.tutorial),
      row("placing an order, shop: confirmed", ordering.confirmed, ordering.confirmedRatio, ordering.tutorial),
    ],
  );
  const drains = ordering.drainSeconds.map((seconds) => seconds.toFixed(1)).join(", ");
  return `${table}

Ratios are medians over the rounds, with the lowest and the highest. CPU is that of all processes
but the load generator, over the time of the load; orders accepted and not yet done go on costing after it.
Ten traces a second were exported: ${reading.spansPerRequest.toFixed(3)} spans for each product that was read.
After the rounds that only wait for acceptance the backlog was drained within ${drains} s.
${events.events} events went from commit to handler at ${whole(events.pace)} orders/s in p50 ${events.p50.toFixed(1)} ms, p99 ${events.p99.toFixed(1)} ms, at most ${events.highest.toFixed(1)} ms.`;
}

function meshHop({ meshHop, connections }: Results): string {
  const { direct, meshed, directAlone, meshedAlone, ratio } = meshHop;
  const row = (name: string, { perSecond, p50, p99, cpuPerThousand }: Summary) => {
    return [name, whole(perSecond), p50.toFixed(3), p99.toFixed(3), cpuPerThousand.toFixed(3)];
  };
  const table = markdownTable(
    ["", "calls/s", "p50 ms", "p99 ms", "CPU s per 1,000"],
    [
      row(`direct, ${connections} at once`, direct),
      row(`through two sidecars, ${connections} at once`, meshed),
      row("direct, one at a time", directAlone),
      row("through two sidecars, one at a time", meshedAlone),
    ],
  );
  const sidecars = Object.entries(meshed.processes)
    .filter(([name]) => name.endsWith("sidecar"))
    .map(
      ([name, used]) =>
        `the ${name} ${(used.cpuPerThousand * 1_000).toFixed(0)} µs, ${whole(used.peakPssMegabytes)} MB`,
    );
  return `${table}

Mutual TLS, a route with retries, a policy by method and caller, and request lines are on: ${ratio.median.toFixed(2)}×
(${ratio.lowest.toFixed(2)}–${ratio.highest.toFixed(2)}) of the direct rate. CPU a call and peak PSS: ${sidecars.join("; ")}.`;
}

function extras({ extras, reading }: Results): string {
  const microseconds = reading.shop.cpuPerThousand * 1_000;
  const rows = extras.map(({ name, how, rate, cpuMicroseconds }) => [
    `${name}: ${how}`,
    cpuMicroseconds.toFixed(1),
    `${((100 * cpuMicroseconds) / microseconds).toFixed(1)} %`,
    rate ? `${rate.median.toFixed(2)}× (${rate.lowest.toFixed(2)}–${rate.highest.toFixed(2)})` : "",
  ]);
  return markdownTable(["", "CPU µs a request", "of all CPU", "rate with ÷ without"], rows);
}

function processes({ echo, reading, ordering }: Results): string {
  const parts: [string, Summary][] = [
    ["echo", echo],
    ["reading, tutorial", reading.tutorial],
    ["reading, shop", reading.shop],
    ["reading, shop behind sidecars", reading.meshed],
    ["ordering, tutorial", ordering.tutorial],
    ["ordering, shop (confirmed)", ordering.confirmed],
  ];
  const rows = parts.flatMap(([part, summary]) =>
    Object.entries(summary.processes)
      .filter(([name, { cpuPerThousand }]) => cpuPerThousand >= 0.005 || name === GENERATOR)
      .map(([name, used]) => [part, name, used.cpuPerThousand.toFixed(2), whole(used.peakPssMegabytes)]),
  );
  return markdownTable(["load", "process", "CPU s per 1,000", "peak PSS MB"], rows);
}

function memory({ memory, settleSeconds }: Results): string {
  const rows = Object.entries(memory.afterStart).map(([name, size]) => [
    name,
    whole(size),
    whole(memory.afterLoad[name] ?? 0),
  ]);
  return markdownTable(["", `${settleSeconds} s after the start, MB`, "after the load, MB"], rows);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
