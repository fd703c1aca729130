import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { beforeEach, test } from "vitest";
import { cpuSeconds, processTree, pssMegabytes } from "./proc.ts";

beforeEach((context) => context.skip(process.platform !== "linux", "there is no /proc but on Linux"));

test("counts the CPU time of children that are gone", async () => {
  const before = cpuSeconds(process.pid);
  // CPU time, not the clock: on a busy machine they differ.
  const busy = "while (process.cpuUsage().user < 300_000);";
  await once(spawn(process.execPath, ["-e", busy]), "exit");
  assert.ok(cpuSeconds(process.pid) - before >= 0.2);
});

test("sees the processes below a process, and their memory", async () => {
  const alone = pssMegabytes(process.pid);
  const child = spawn(process.execPath, ["-e", "console.log('up'); setTimeout(() => {}, 10_000)"]);
  await once(child.stdout, "data");
  assert.ok(processTree(process.pid).includes(child.pid ?? 0));
  assert.ok(pssMegabytes(process.pid) > alone);
  child.kill("SIGKILL");
  await once(child, "exit");
});
