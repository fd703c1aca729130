import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, test } from "vitest";
import { whileHeld } from "./hold.ts";

const child = spawn(process.execPath, ["-e", "setInterval(() => process.stdout.write('.'), 2)"]);
const { pid = 0 } = child;
let ticks = 0;
child.stdout.on("data", (dots) => {
  ticks += dots.length;
});
afterAll(() => child.kill());

test("a process does nothing while it is held, and goes on afterwards", async () => {
  await once(child.stdout, "data");
  await whileHeld([pid], async () => {
    await sleep(50); // what it wrote before arrives
    const before = ticks;
    await sleep(100);
    assert.equal(ticks, before);
  });
  await once(child.stdout, "data");
});

test("a process goes on when what it was held for fails", async () => {
  await assert.rejects(
    whileHeld([pid], () => Promise.reject(new Error("no space"))),
    /no space/,
  );
  await once(child.stdout, "data");
});

test("a process that has ended holds nobody up", async () => {
  const gone = spawn(process.execPath, ["--version"]);
  await once(gone, "exit");
  let isDone = false;
  await whileHeld([gone.pid ?? 0], async () => {
    isDone = true;
  });
  assert.ok(isDone);
});
