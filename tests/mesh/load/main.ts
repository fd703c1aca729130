/**
 * `npm run mesh-load -- [--seed N] [--seconds 60] [--sample]`: half of the highest load while weights change, certificates
 * rotate, and replicas are killed and drained; fails when a call fails that should not. The seed repeats the schedule. Without
 * --sample the result is kept in tests/mesh/results/latest.json.
 */

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startShop } from "@row/laptop/shop/shop.ts";
import { countFlag, readFlags } from "../../../scripts/flags.ts";
import { portBase } from "../../harness/ports.ts";
import { type CampaignResult, runCampaign } from "./campaign.ts";

const RESULTS = resolve(import.meta.dirname, "../results");
/** Each is replaced at two thirds of it. */
const CERTIFICATE_LIFETIME_MS = 12_000;

const USAGE = `npm run mesh-load [-- --seed N] [--seconds 60] [--sample]

Loads a shop of its own while weights change, certificates rotate and replicas end; fails when a call fails that should not.

  --seed N     repeat the schedule of an earlier run
  --seconds N  how long
  --sample     a short run, whose result is not kept`;

const { values } = readFlags(USAGE, {
  options: {
    seed: { type: "string" },
    seconds: { type: "string" },
    sample: { type: "boolean", default: false },
  },
});
const seed = countFlag("seed", values.seed ?? String((Date.now() % 1_000_000) + 1));
const seconds = countFlag("seconds", values.seconds ?? (values.sample ? "16" : "60"));
const probeSeconds = values.sample ? 3 : 8;

const startedTime = new Date();
// What else it does, which takes time from every call.
const [loadBefore = 0] = loadavg();
const stateDir = mkdtempSync(join(tmpdir(), "row-mesh-load-"));
const shop = await startShop({
  stateDir,
  portBase: await portBase(),
  longestBackoffMs: 1_000,
  certificateLifetimeMs: CERTIFICATE_LIFETIME_MS,
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void shop.destroy().finally(() => process.exit(130)));
}

console.log(`Seed ${seed}: ${seconds} s`);
if (loadBefore > cpus().length)
  console.log(`  The machine is busy (load ${loadBefore.toFixed(1)}): calls may time out for that`);
const shape = { seed, seconds, probeSeconds, ...(values.sample ? { kills: 2 } : {}) };
const result = await runCampaign(shop, shape, (line) => console.log(`  ${line}`));
show(result);
const failed = result.problems.length > 0;
if (failed) console.log(`The shop's logs are kept in ${stateDir}`);
await (failed ? shop.stop() : shop.destroy());
if (!values.sample) {
  const machine = { cpus: cpus().length, loadBefore: Number(loadBefore.toFixed(1)), node: process.version };
  mkdirSync(RESULTS, { recursive: true });
  const kept = { seed, seconds, startedTime, machine, holds: !failed, ...result };
  writeFileSync(join(RESULTS, "latest.json"), `${JSON.stringify(kept, null, 2)}\n`);
}
console.log(failed ? "Mesh load: broken" : "Mesh load: only what may not be repeated failed, where it was killed");
process.exitCode = failed ? 1 : 0;

function show({ calls, failures, problems, ...rest }: CampaignResult): void {
  console.table(calls);
  const { happenings: _, ...numbers } = rest;
  console.log(`  ${JSON.stringify(numbers)}`);
  for (const { atMs, method, through, status, message, during, explainedBy } of failures) {
    const why = explainedBy ? `explained by ${explainedBy}` : `NOT explained; under way: ${during.join(", ")}`;
    console.log(`  ${(atMs / 1_000).toFixed(2)} s: ${through} ${method} ${status} ${message}: ${why}`);
  }
  for (const problem of problems) console.log(`  ${problem}`);
}
