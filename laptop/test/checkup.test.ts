/** What `row check` makes of certificates, disks and buffers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTrustAnchor, writeCertificate } from "@row/mesh/identity/trust-anchor.ts";
import { test } from "vitest";
import { checkCertificates } from "../src/checkup/certificates.ts";
import { bufferFinding, clockFinding, roomFinding } from "../src/checkup/machine.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test("a certificate is late when two thirds of its life are over, and wrong when all of it is", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "row-checkup-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  const anchor = await openTrustAnchor(folder);
  const { pem } = await anchor.issue({ account: "orders", lifetimeMs: DAY_MS });
  await writeCertificate(join(folder, "orders-v1-1.pem"), pem);
  const saysIn = (ms: number, instances = ["orders-v1-1"]) =>
    checkCertificates(folder, instances, new Date(Date.now() + ms)).map(({ outcome, says }) => `${outcome}: ${says}`);
  assert.deepEqual(saysIn(0), ["good: 2, the first runs out in 23 h"]);
  assert.deepEqual(saysIn(17 * HOUR_MS), [
    "warning: orders-v1-1.pem is not renewed as it should be, and runs out in 6 h",
  ]);
  assert.deepEqual(saysIn(27 * HOUR_MS), ["bad: orders-v1-1.pem ran out 3 h ago"]);
  assert.deepEqual(saysIn(0, ["orders-v1-2"]), [`bad: orders-v1-2.pem is missing in ${folder}`]);
  assert.deepEqual(saysIn(340 * DAY_MS, []), ["warning: anchor.crt runs out in 24 days"]);
  assert.match(saysIn(-2 * HOUR_MS).join(), /^bad: anchor\.crt begins in 118 min,bad: orders-v1-1\.pem begins in /);
});

test("a disk with little room is a warning, and one with none to speak of is wrong", () => {
  const GIB = 1024 ** 3;
  assert.deepEqual(
    [12 * GIB, 1.5 * GIB, GIB / 4]
      .map((bytes) => roomFinding("/data", bytes))
      .map(({ outcome, says }) => [outcome, says]),
    [
      ["good", "12 GiB are free in /data"],
      ["warning", "1536 MiB are free in /data"],
      ["bad", "256 MiB are free in /data"],
    ],
  );
});

test("a clock that no time server sets is a warning, where one could say so", () => {
  const now = new Date();
  const outcomes = [true, false, undefined].map((isSynchronized) => clockFinding(now, now, isSynchronized).outcome);
  assert.deepEqual(outcomes, ["good", "warning", "good"]);
});

test("a receive buffer below what the observer asks for is a warning, with the line that mends it", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "row-checkup-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "rmem_max");
  writeFileSync(file, "212992\n");
  const [finding] = bufferFinding(file);
  assert.equal(finding?.outcome, "warning");
  assert.equal(finding?.advice, "run `sudo sysctl -w net.core.rmem_max=8388608`");
  writeFileSync(file, "8388608\n");
  assert.equal(bufferFinding(file)[0]?.outcome, "good");
  assert.deepEqual(bufferFinding(join(folder, "nothing")), []);
});
