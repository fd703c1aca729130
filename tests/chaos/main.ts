/**
 * `npm run chaos -- [--seed N] [--orders 200] [--rounds M] [--sample]`: breaks a shop of its own while customers order,
 * and checks that every invariant holds. The seed repeats the schedule. Without --sample the result is kept in
 * tests/chaos/results/latest.json.
 */

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startShop } from "@row/laptop/shop/shop.ts";
import { countFlag, readFlags } from "../../scripts/flags.ts";
import { portBase } from "../harness/ports.ts";
import { describe } from "../invariants/invariants.ts";
import { type RoundResult, runRound } from "./campaign.ts";
import { planCampaign } from "./campaign-plan.ts";

const RESULTS = resolve(import.meta.dirname, "results");

const USAGE = `npm run chaos [-- --seed N] [--orders 200] [--rounds 3] [--sample]

Breaks a shop of its own while customers order, and checks that every invariant holds.

  --seed N    repeat the schedule of an earlier run
  --orders N  how many orders in a burst
  --rounds N  how many rounds
  --sample    one short round, whose result is not kept`;

const { values } = readFlags(USAGE, {
  options: {
    seed: { type: "string" },
    orders: { type: "string", default: "200" },
    rounds: { type: "string" },
    sample: { type: "boolean", default: false },
  },
});
const shape = {
  seed: countFlag("seed", values.seed ?? String((Date.now() % 1_000_000) + 1)),
  orders: countFlag("orders", values.orders),
  rounds: countFlag("rounds", values.rounds ?? (values.sample ? "1" : "3")),
  bursts: values.sample ? 1 : 3,
};

const plan = planCampaign(shape);
console.log(`Seed ${shape.seed}: ${shape.rounds} rounds of ${shape.bursts} × ${shape.orders} orders`);
const startedTime = new Date();
const stateDir = mkdtempSync(join(tmpdir(), "row-chaos-"));
const shop = await startShop({ stateDir, portBase: await portBase(), longestBackoffMs: 1_000 });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void shop.destroy().finally(() => process.exit(130)));
}

const results: RoundResult[] = [];
const accepted: string[] = [];
for (const [index, round] of plan.entries()) {
  console.log(`Round ${index + 1}`);
  const result = await runRound(shop, round, accepted, (line) => console.log(`  ${line}`));
  results.push(result);
  const { ended, violations, ...rest } = result;
  console.log(`  ${JSON.stringify(rest)}`);
  console.log(`  ${JSON.stringify(ended)}`);
  console.log(violations.length === 0 ? "  every invariant holds" : describe(violations).replace(/^/gm, "  "));
}

const failed = results.some(({ violations }) => violations.length > 0);
if (failed) console.log(`The shop's logs and stores are kept in ${stateDir}`);
await (failed ? shop.stop() : shop.destroy());
if (!values.sample) {
  const seconds = Math.round((Date.now() - startedTime.getTime()) / 1_000);
  const machine = { cpus: cpus().length, node: process.version };
  const faults = plan.map((round) => round.faults);
  mkdirSync(RESULTS, { recursive: true });
  const result = { ...shape, startedTime, seconds, machine, holds: !failed, rounds: results, faults };
  writeFileSync(join(RESULTS, "latest.json"), `${JSON.stringify(result, null, 2)}\n`);
}
console.log(failed ? "Chaos: broken" : "Chaos: every invariant holds");
process.exitCode = failed ? 1 : 0;
