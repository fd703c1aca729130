import assert from "node:assert/strict";
import type { ProcessStatus, ShopStatus } from "@row/laptop/shop/shop-status.ts";
import { test } from "vitest";
import { widthOf } from "../terminal.ts";
import { render } from "./status.ts";

const processOf = (name: string, pid: number): ProcessStatus => ({
  name,
  version: "v1",
  instance: `${name}-v1-1`,
  pid,
  state: "ready",
  restarts: 0,
  addresses: { grpc: "127.0.0.1:5054", mesh: "127.0.0.1:6054", admin: "127.0.0.1:9054" },
  sidecar: { instance: `${name}-v1-1-sidecar`, pid: pid + 1, state: "ready", restarts: 2 },
});

const SHOP: ShopStatus = {
  running: true,
  state: "degraded",
  pid: 4711,
  stateDir: "/shop/.row",
  portBase: 5000,
  mesh: true,
  startedTime: "2026-11-30T08:00:00.000Z",
  processes: [processOf("inventory", 123_456), { ...processOf("notifications", 123_499), restarts: 12 }],
  problems: [
    "notifications-v1-1 is not ready: nobody answers calls to it, and orders that wait for it are kept until somebody does",
  ],
  backlogs: {
    outboxSeconds: {},
    outbox: { auth: 0, catalog: 0, inventory: 12, orders: 3, payments: 0 },
    sagas: { unfinished: 3, stuck: 0 },
    deadLetters: 0,
  },
  injected: [
    {
      service: "catalog",
      seed: "1",
      version: "v2",
      behaviours: ["errors=20%", "slow-tail"],
      until: "2026-11-30T12:00:00.000Z",
    },
  ],
};

test("shows a process in a line where there is room for one", () => {
  const [, , heads, first] = render(SHOP, 160).split("\n");
  assert.match(heads ?? "", /^NAME +VERSION +INSTANCE +PID +STATE +RESTARTS +SIDECAR +ADDRESSES$/);
  assert.match(
    first ?? "",
    /^inventory +v1 +inventory-v1-1 +123456 +ready +0 +ready 123457, restarted 2x +grpc 127\.0\.0\.1:5054 {2}mesh 127\.0\.0\.1:6054 {2}admin 127\.0\.0\.1:9054$/,
  );
  assert.equal(render(SHOP), render(SHOP, 10_000), "nothing is broken for whoever reads no terminal");
});

test("is read on a terminal of 80 columns: an instance and its state in a line, addresses below it", () => {
  const lines = render(SHOP, 80).split("\n");
  const at = lines.findIndex((line) => line.startsWith("INSTANCE"));
  assert.deepEqual(
    lines.slice(at, at + 4).map((line) => line.replace(/ +/g, " ")),
    [
      "INSTANCE PID STATE RESTARTS SIDECAR",
      " ADDRESSES",
      "inventory-v1-1 123456 ready 0 ready 123457, restarted 2x",
      " grpc 127.0.0.1:5054 mesh 127.0.0.1:6054 admin 127.0.0.1:9054",
    ],
  );
});

test("no line is longer than a terminal of 40 columns or more, and nothing is cut", () => {
  for (let width = 40; width <= 160; width += 1) {
    const shown = render(SHOP, width);
    for (const line of shown.split("\n")) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
    assert.ok(!shown.includes("…"), shown);
  }
});
