/** What one order goes through, from the edge's socket to the commit and its answer: the project's files, each with a reason. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { edgeOf, signIn } from "../chaos/rest-door.ts";
import { orderOf } from "../harness/ordering.ts";
import { portBase } from "../harness/ports.ts";
import { expectOk } from "../harness/rest.ts";

const LIST = join(import.meta.dirname, "files.md");
const ARCHITECTURE = join(import.meta.dirname, "../../docs/architecture.md");
const PRODUCT = "01a19467-e800-7000-8000-000000000001";
const WARM_UP = 10;
/** What is called in more than half of so many orders is on their way: timers and probes, which run anyway, are not. */
const ORDERS = 9;
const PROCESSES = ["edge", "orders"] as const;
/** The lock by which one relay of a database knows that it leads. */
const RELAY_LOCK = 0x726f77;

const folder = mkdtempSync(join(tmpdir(), "row-order-path-"));
/** Files that one order calls into, by process. */
const called = new Map<string, readonly string[]>();
let shop: Shop;

beforeAll(async () => {
  const counting = {
    NODE_OPTIONS: `--import=${import.meta.resolve("./called-functions.ts")}`,
    CALLED_FOLDER: folder,
  };
  shop = await startShop({
    stateDir: join(folder, "state"),
    portBase: await portBase(),
    isThrowaway: true,
    envOf: { edge: counting, orders: { ...counting, SAGA_CONCURRENCY: "1" } },
  });
  const place = await placing();
  for (let order = 0; order < WARM_UP; order += 1) await place();
  await holdingBack(place, async () => {
    const rounds: Record<string, string[][]> = { edge: [], orders: [] };
    for (let order = 0; order < ORDERS; order += 1) {
      for (const name of PROCESSES) await calledIn(name);
      await place();
      for (const name of PROCESSES) rounds[name]?.push(await calledIn(name));
    }
    for (const name of PROCESSES) called.set(name, inMost(rounds[name] ?? []));
  });
});
afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** Places an order each time, as somebody who is signed in. */
async function placing(): Promise<() => Promise<string>> {
  const rest = edgeOf(shop);
  const token = await signIn(shop, "alice");
  return async () => expectOk(await rest.post("/v1/orders", orderOf({ productId: PRODUCT }), { token })).order.id;
}

/**
 * Does something while nothing follows from a commit: the only slot for sagas is taken by one that cannot be saved, and another than
 * orders' relay has the lock that lets it publish.
 */
async function holdingBack(place: () => Promise<string>, work: () => Promise<void>): Promise<void> {
  const connectionString = shop.infrastructure.adminUrl("orders");
  const [saga, relay] = [new pg.Client({ connectionString }), new pg.Client({ connectionString })];
  try {
    for (const client of [saga, relay]) await client.connect();
    await noSagaIsUnderWay(saga);
    // It waits for an answer meanwhile, so that its row is nobody's.
    shop.pause("inventory", 60_000);
    const id = await place();
    await saga.query("BEGIN");
    await saga.query("SELECT 1 FROM sagas WHERE order_id = $1 FOR UPDATE", [id]);
    shop.unpause("inventory");
    await relay.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'outbox-relay'");
    await relay.query("SELECT pg_advisory_lock($1)", [RELAY_LOCK]);
    await work();
  } finally {
    for (const client of [saga, relay]) await client.end();
  }
}

async function noSagaIsUnderWay(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query("SELECT 1 FROM sagas WHERE finished_time IS NULL LIMIT 1");
    if (rows.length === 0) return;
    await sleep(50);
  }
}

const looks = new Map<string, number>();

/** The files that the process called into since this was last asked. */
async function calledIn(name: string): Promise<string[]> {
  const pid = shop.processes.find(({ instance }) => instance === `${name}-v1-1`)?.pid;
  assert.ok(pid, `${name} runs`);
  const look = (looks.get(name) ?? 0) + 1;
  looks.set(name, look);
  process.kill(pid, "SIGUSR2");
  const written = join(folder, `${pid}-${look}`);
  while (!existsSync(written)) await sleep(5);
  return readFileSync(written, "utf8").split("\n").filter(Boolean);
}

function inMost(rounds: readonly (readonly string[])[]): string[] {
  const times = new Map<string, number>();
  for (const files of rounds) for (const file of files) times.set(file, (times.get(file) ?? 0) + 1);
  return [...times].flatMap(([file, count]) => (count > rounds.length / 2 ? [file] : [])).sort();
}

/** The files that the list has for a process, and why each is called. */
function listed(name: string): Map<string, string> {
  const [, part = ""] = readFileSync(LIST, "utf8").split(`## In the process ${name}\n`);
  const [table = ""] = part.split("\n## ");
  const rows = [...table.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map(
    ([, file = "", why = ""]) => [file, why] as const,
  );
  assert.deepEqual(
    rows.map(([file]) => file).filter((file, index, files) => files.indexOf(file) !== index),
    [],
    "a file has one reason",
  );
  return new Map(rows);
}

for (const name of PROCESSES) {
  test(`every file that one order calls into in the process ${name} has a reason, and none has a reason that is not called`, () => {
    const reasons = listed(name);
    const files = called.get(name) ?? [];
    const without = files.filter((file) => !reasons.get(file)?.trim());
    const uncalled = [...reasons.keys()].filter((file) => !files.includes(file));
    assert.deepEqual({ without, uncalled }, { without: [], uncalled: [] }, `see ${LIST}`);
  });
}

test("the list and the description of the architecture say how many they are", () => {
  const [edge = [], orders = []] = PROCESSES.map((name) => called.get(name));
  const all = new Set([...edge, ...orders]).size;
  const inBoth = edge.length + orders.length - all;
  const says = (file: string, sentence: string) =>
    assert.ok(readFileSync(file, "utf8").replaceAll("\n", " ").includes(sentence), `${file} must say: ${sentence}`);
  says(
    LIST,
    `${all} files: ${edge.length} in the edge, ${orders.length} in orders, and ${inBoth} of the runtime in both.`,
  );
  says(ARCHITECTURE, `${all} of the project's files`);
});
