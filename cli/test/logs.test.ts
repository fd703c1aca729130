/** `row logs` on logs as services and stores write them. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, test } from "vitest";
import { smallProject } from "../../laptop/test/small-project.ts";
import { sinceTime } from "../src/commands/logs.ts";

const line = (time: string, level: string, msg: string, more = {}) =>
  `${JSON.stringify({ level, time, service: "orders", version: "v1", instance: "orders-v1-1", ...more, msg })}\n`;
const project = smallProject({
  "services/orders/service.yaml": "name: orders\nport: 5070\nadminPort: 6070\n",
  ".row/logs/orders-v1-1.log":
    line("2026-11-30T10:00:00.100Z", "info", "ready", { listen: "127.0.0.1:5056" }) +
    line("2026-11-30T10:00:00.400Z", "warn", "late", { ms: 12 }) +
    line("2026-11-30T10:00:00.700Z", "error", "broke", { err: { message: "gone", stack: "Error: gone\n    at here" } }),
  ".row/logs/postgres.log":
    "2026-11-30 10:00:00.300 UTC [7] LOG:  checkpoint starting\n  a line that goes on\n2026-11-30 10:00:00.600 UTC [7] LOG:  done\n",
  ".row/logs/nats.log": "[12] 2026/11/30 10:00:00.200000 [INF] Server is ready\n",
  ".row/logs/redis-cache.log": "9:M 30 Nov 2026 10:00:00.500 * Ready to accept connections\n",
});
afterAll(project.remove);
const env = { ...process.env, ROW_ROOT: project.root, ROW_STATE_DIR: "", TZ: "UTC" };
const main = join(import.meta.dirname, "../src/main.ts");

function row(...args: string[]) {
  return spawnSync(process.execPath, [main, "logs", ...args], { env, encoding: "utf8" });
}

test("merges the logs of services and stores by time, whatever form each of them gives it", () => {
  const { stdout, stderr } = row();
  assert.equal(stderr, "");
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    "orders-v1-1 | 10:00:00.100 INFO  ready listen=127.0.0.1:5056",
    "nats        | [12] 2026/11/30 10:00:00.200000 [INF] Server is ready",
    "postgres    | 2026-11-30 10:00:00.300 UTC [7] LOG:  checkpoint starting",
    "postgres    |   a line that goes on",
    "orders-v1-1 | 10:00:00.400 WARN  late ms=12",
    "redis-cache | 9:M 30 Nov 2026 10:00:00.500 * Ready to accept connections",
    "postgres    | 2026-11-30 10:00:00.600 UTC [7] LOG:  done",
    "orders-v1-1 | 10:00:00.700 ERROR broke",
    "Error: gone",
    "    at here",
  ]);
});

test("prints lines as they were written with --json, for other programs", () => {
  const lines = row("orders", "--json").stdout.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((one) => JSON.parse(one).msg),
    ["ready", "late", "broke"],
  );
});

test("keeps to a level, a pattern and a time, and counts the lines that are left", () => {
  assert.equal(row("orders", "--level", "warn", "-n", "1", "--grep", "late").stdout, "10:00:00.400 WARN  late ms=12\n");
  assert.equal(row("--since", "2026-11-30T10:00:00.650Z", "--grep", "broke", "--json").stdout.split("\n").length, 2);
  assert.equal(row("--level", "error").stdout.split(" | ")[0]?.trim(), "orders-v1-1");
  assert.match(row("--level", "loud").stderr, /^Cannot print logs of level loud: there are trace, debug, info, warn/);
  assert.match(row("--grep", "(").stderr, /^Cannot search for \(: it is no regular expression\n$/);
  assert.match(row("--since", "soon").stderr, /^Cannot print logs since soon: write 90s, 5m, 2h or a time\n$/);
});

test("reads times as people write them", () => {
  const now = Date.parse("2026-11-30T10:00:00Z");
  assert.equal(sinceTime("90s", now), now - 90_000);
  assert.equal(sinceTime("2h", now), now - 7_200_000);
  assert.equal(sinceTime("2026-11-30T09:00:00Z", now), now - 3_600_000);
});

test("goes on with what is added, and leaves out what the flags leave out", async () => {
  const child = spawn(process.execPath, [main, "logs", "orders", "-f", "-n", "1", "--level", "warn"], { env });
  try {
    const printed = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.match((await printed.next()).value ?? "", /broke$/);
    const file = join(project.stateDir, "logs/orders-v1-1.log");
    appendFileSync(
      file,
      line("2026-11-30T10:00:01.000Z", "info", "unseen") + line("2026-11-30T10:00:02.000Z", "warn", "seen"),
    );
    const rest: string[] = [];
    while (!rest.at(-1)?.includes("seen")) rest.push((await printed.next()).value ?? "");
    assert.deepEqual(rest, ["Error: gone", "    at here", "10:00:02.000 WARN  seen"]);
  } finally {
    child.kill();
    await once(child, "exit");
  }
});
