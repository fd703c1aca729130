// Every query against what a running shop shows: the services' own /metrics, and the observer's for what sidecars count, which
// has Linkerd's names.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { newProduct, place, reaches } from "@row/tests/harness/ordering.ts";
import { NO_MESSAGE } from "@row/tests/harness/probe.ts";
import { expectOk } from "@row/tests/harness/rest.ts";
import { type TheShop, theShop } from "@row/tests/harness/the-shop.ts";
import { beforeAll, test } from "vitest";
import { CONFIGURATION } from "../src/observability/prometheus-configuration.ts";
import { GRPC_STATUSES, LINKERD_METRICS, ONLY_IN_A_CLUSTER } from "./linkerd-metrics.ts";
import { type Matcher, referencesOf } from "./promql.ts";
import { promQueries, rules } from "./queries.ts";
import { Scraped } from "./scraped.ts";

const scraped = new Scraped();
/** What each process shows at /metrics, by its name. */
const shown = new Map<string, string>();
const hasPromtool = spawnSync("promtool", ["--version"], { stdio: "ignore" }).error === undefined;

/** A recording rule's metric has the labels that it is summed by. */
const RECORDED = new Map(
  rules().flatMap(({ record, expression }) =>
    record ? [[record, new Set(referencesOf(expression).groupings)] as const] : [],
  ),
);

beforeAll(async () => {
  const shop = await theShop();
  await makeEverythingHappen(shop);
  for (const { name, addresses } of await shop.status()) {
    const target = { namespace: "shop", job: "shop", instance: "", pod: `${name}-v1-1`, service: name, version: "v1" };
    // The observer says itself which pod each sidecar would be.
    const isObserver = name === "observer";
    const address = isObserver ? addresses.http : addresses.admin;
    if (address === undefined) continue;
    const text = await metricsAt(address);
    shown.set(name, text);
    scraped.add(text, isObserver ? { job: "linkerd-proxy", instance: "" } : target);
  }
  scraped.add("up 1\n", { namespace: "shop", job: "shop", instance: "", pod: "", service: "", version: "" });
});

/** Orders that end well and badly, events, and a refusal of the mesh. */
async function makeEverythingHappen(shop: TheShop): Promise<void> {
  const customer = await shop.customer();
  const { id: productId } = await newProduct(shop);
  for (const [paymentToken, state] of [
    ["tok_ok", "STATE_CONFIRMED"],
    ["tok_declined", "STATE_CANCELLED"],
  ] as const) {
    const { order } = expectOk(await place(shop, customer, { productId, paymentToken }));
    await reaches(shop, customer, order.id, state);
  }
  const refused = await shop
    .probe("inventory")
    .call("/shop.inventory.v1.InventoryService/ReserveStock", NO_MESSAGE, { service: "edge" });
  assert.equal(GRPC_STATUSES[refused.code], "PERMISSION_DENIED");
  // Events are handled, and request lines counted, a moment later.
  const [catalog, observer] = [shop.address("catalog", "admin"), shop.address("observer", "http")];
  await until(async () => (await metricsAt(catalog)).includes("messaging_process_duration_seconds_count{"));
  await until(async () => (await metricsAt(observer)).includes("inbound_http_authz_deny_total{"));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    assert.ok(tries < 100, "waited 10 s in vain");
    await sleep(100);
  }
}

async function metricsAt(address: string): Promise<string> {
  const response = await fetch(`http://${address}/metrics`);
  assert.equal(response.status, 200, address);
  return response.text();
}

function hasLabel(metric: string, label: string): boolean {
  const recorded = RECORDED.get(metric);
  if (recorded) return recorded.has(label);
  if (scraped.hasSamples(metric)) return scraped.values(metric, label) !== undefined;
  return LINKERD_METRICS[metric]?.includes(label) ?? false;
}

/** Whether what a matcher asks for is something that is ever there. */
function isEver(metric: string, { label, operator, value }: Matcher): boolean {
  // Each word of "A|B" is one that it can be; a misspelt one would make failures of successes.
  if (label === "grpc_status" || label === "rpc_response_status_code")
    return value.split("|").every((word) => GRPC_STATUSES.includes(word));
  if (operator !== "=" || value.startsWith("$")) return true;
  return !scraped.hasSamples(metric) || scraped.values(metric, label)?.has(value) === true;
}

test("Prometheus's own linter finds nothing in the metrics of the running shop", (context) => {
  context.skip(!hasPromtool, "there is no promtool");
  assert.ok(shown.size >= 7);
  const found = [...shown].flatMap(([name, input]) => {
    const { status, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    return status === 0 ? [] : [`${name}: ${stderr}`];
  });
  assert.deepEqual(found, []);
});

test("every histogram of seconds tells fractions of a second apart, which the SDK's own buckets, made for milliseconds, do not", () => {
  const coarse = [...shown].flatMap(([name, text]) => {
    const durations = [...text.matchAll(/^# TYPE (\S+_seconds) histogram$/gm)].map(([, metric = ""]) => metric);
    return durations
      .filter((metric) => text.includes(`${metric}_bucket{`))
      .filter((metric) => !new RegExp(`^${metric}_bucket\\{.*\\ble="0\\.\\d+"`, "m").test(text))
      .map((metric) => `${name}: ${metric}`);
  });
  assert.deepEqual(coarse, []);
});

test("every metric of every query is one that the running shop shows", () => {
  const unknown = promQueries().flatMap(({ where, expression }) =>
    referencesOf(expression)
      .selectors.map(({ metric }) => metric)
      .filter((metric) => !scraped.has(metric) && !RECORDED.has(metric) && !ONLY_IN_A_CLUSTER.has(metric))
      .map((metric) => `${where}: ${metric}`),
  );
  assert.deepEqual(unknown, []);
});

test("every label of every query is one that its metric has", () => {
  const unknown = promQueries().flatMap(({ where, expression }) => {
    const { selectors, groupings } = referencesOf(expression);
    return [
      ...selectors.flatMap(({ metric, matchers }) =>
        matchers.filter(({ label }) => !hasLabel(metric, label)).map(({ label }) => `${where}: ${metric}{${label}}`),
      ),
      ...groupings
        .filter((label) => !selectors.some(({ metric }) => hasLabel(metric, label)))
        .map((label) => `${where}: by (${label})`),
    ];
  });
  assert.deepEqual(unknown, []);
});

test("every value that a query asks for is one that its label has", () => {
  const never = promQueries().flatMap(({ where, expression }) =>
    referencesOf(expression).selectors.flatMap(({ metric, matchers }) =>
      matchers
        .filter((matcher) => !isEver(metric, matcher))
        .map(({ label, value }) => `${where}: ${metric}{${label}="${value}"}`),
    ),
  );
  assert.deepEqual(never, []);
});

test("every label of a sidecar's metric is one that Linkerd documents", () => {
  const foreign = Object.entries(LINKERD_METRICS).flatMap(([metric, labels]) =>
    promQueries()
      .flatMap(({ expression }) => referencesOf(expression))
      .flatMap(({ selectors }) => selectors)
      .filter((selector) => selector.metric === metric)
      .flatMap(({ matchers }) => matchers.map(({ label }) => label))
      .filter((label) => !labels.includes(label))
      .map((label) => `${metric}{${label}}`),
  );
  assert.deepEqual(foreign, []);
  const isLinkerds = (metric: string) => /^(outbound|inbound|identity|control)_/.test(metric);
  const used = promQueries().flatMap(({ expression }) =>
    referencesOf(expression).selectors.map(({ metric }) => metric),
  );
  assert.deepEqual(
    used.filter((metric) => isLinkerds(metric) && !(metric in LINKERD_METRICS)),
    [],
  );
});

test("a metric, a label or a value that nobody has would each be seen", () => {
  assert.ok(!scraped.has("outbox_age"));
  assert.ok(!hasLabel("outbox_oldest_seconds", "deployment"));
  assert.ok(!isEver("orders_saga_duration_seconds_count", { label: "saga", operator: "=", value: "buy" }));
  assert.ok(isEver("orders_saga_duration_seconds_count", { label: "saga", operator: "=", value: "place-order" }));
});

test("what the scraper adds is what the queries rely on", () => {
  const job = CONFIGURATION.scrape_configs.find(({ job_name }) => job_name === "shop");
  assert.ok(job && "relabel_configs" in job);
  const added = job.relabel_configs.map(({ target_label }) => target_label).filter((label) => label !== undefined);
  assert.deepEqual(added, ["namespace", "pod", "service", "version"]);
});
