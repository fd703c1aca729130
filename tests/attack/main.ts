/**
 * `npm run attack -- [--seed N] [--attacks 4000]`: attacks a shop of its own and fails when anything works that must not, when people
 * meanwhile are not answered, or when an invariant is broken. The seed repeats the attacks. The result is kept in
 * tests/attack/results/latest.json; `campaign.test.ts` makes a short one.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startShop } from "@row/laptop/shop/shop.ts";
import { countFlag, readFlags } from "../../scripts/flags.ts";
import { portBase } from "../harness/ports.ts";
import { runCampaign } from "./campaign.ts";

const RESULTS = resolve(import.meta.dirname, "results");

const USAGE = `npm run attack [-- --seed N] [--attacks 4000]

Attacks a shop of its own; fails when anything works that must not, or people meanwhile are not answered.

  --seed N     repeat the attacks of an earlier run
  --attacks N  how many`;

const { values } = readFlags(USAGE, {
  options: {
    seed: { type: "string" },
    attacks: { type: "string", default: "4000" },
  },
});
const shape = {
  seed: countFlag("seed", values.seed ?? String((Date.now() % 1_000_000) + 1)),
  attacks: countFlag("attacks", values.attacks),
};

const startedTime = new Date();
const startedAt = performance.now();
// What else it does, which takes time from every call.
const [loadBefore = 0] = loadavg();
const stateDir = mkdtempSync(join(tmpdir(), "row-attack-"));
const shop = await startShop({ stateDir, portBase: await portBase(), longestBackoffMs: 1_000 });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void shop.destroy().finally(() => process.exit(130)));
}

console.log(`Seed ${shape.seed}: ${shape.attacks} attacks`);
if (loadBefore > cpus().length)
  console.log(`  The machine is busy (load ${loadBefore.toFixed(1)}): calls may time out for that`);
const result = await runCampaign(shop, shape);
const { problems, ...numbers } = result;
console.log(`  ${JSON.stringify(numbers)}`);
for (const problem of problems) console.log(`  ${problem}`);
const failed = problems.length > 0;
if (failed) console.log(`The shop's logs and stores are kept in ${stateDir}`);
await (failed ? shop.stop() : shop.destroy());
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const machine = { cpus: cpus().length, loadBefore: Number(loadBefore.toFixed(1)), node: process.version };
mkdirSync(RESULTS, { recursive: true });
const kept = { ...shape, startedTime, seconds, machine, holds: !failed, ...result };
writeFileSync(join(RESULTS, "latest.json"), `${JSON.stringify(kept, null, 2)}\n`);
console.log(failed ? "Attack: something gave" : "Attack: nothing gave");
process.exitCode = failed ? 1 : 0;
