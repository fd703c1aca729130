/** Sidecars' certificates, when the clock of the machine is set while they hold. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "vitest";

const DAY_MS = 24 * 3_600_000;
const folder = mkdtempSync(join(tmpdir(), "row-clock-"));
const offset = join(folder, "offset");
writeFileSync(offset, "0");
process.env.CLOCK_OFFSET_FILE = offset;
// Before whatever might keep the clock that it finds.
const { setClock } = await import("@row/tests/harness/shifted-clock.ts");
const { Certificates } = await import("../src/sidecars/certificates.ts");

for (const [ms, where] of [
  [3 * DAY_MS, "past its end"],
  [-3 * DAY_MS, "to before its beginning"],
] as const) {
  test(`a certificate is replaced when the clock is set ${where}`, async (t) => {
    const replaced: string[] = [];
    const certificates = new Certificates({
      folder: join(folder, where),
      lifetimeMs: DAY_MS,
      lookMs: 50,
      replace: async (instance) => void replaced.push(instance),
      report: (text) => assert.fail(text),
    });
    await certificates.open();
    t.onTestFinished(() => {
      certificates.stop();
      setClock(0);
    });
    const certificate = join(folder, "catalog.pem");
    const sidecar = { certificate } as Parameters<typeof certificates.issueFor>[0]["sidecar"]; // all that is read of it
    await certificates.issueFor({ instance: "catalog-v1-1", account: "catalog", sidecar });
    await sleep(300);
    assert.deepEqual(replaced, [], "it holds");
    setClock(ms);
    for (let looks = 0; replaced.length === 0 && looks < 200; looks += 1) await sleep(25);
    assert.equal(replaced[0], "catalog-v1-1");
    const { validFromDate, validToDate } = new X509Certificate(readFileSync(certificate));
    assert.ok(validFromDate.getTime() <= Date.now() && Date.now() < validToDate.getTime());
  });
}
