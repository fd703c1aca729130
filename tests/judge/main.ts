/** `npm run judge-sim -- [--seed N]`: how often the judge is wrong, by simulation; its result is kept in tests/judge/results/latest.json. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { countFlag, readFlags } from "../../scripts/flags.ts";
import { shortcomings, simulate, tablesOf } from "./result.ts";

const USAGE = `npm run judge-sim [-- --seed N]

Simulates 10,000 experiments with equal versions and 2,000 with harmful and good ones for each kind of traffic.
Says how often the judge was right, in three minutes of one processor; fails when it is wrong more often than docs/experiments.md promises.

  --seed N  another repetition; 1 unless given`;

const { values } = readFlags(USAGE, { options: { seed: { type: "string", default: "1" } } });
const seed = countFlag("seed", values.seed);

const result = simulate(seed, { equal: 10_000, harmful: 2_000 }, (line) => console.log(line));
writeFileSync(resolve(import.meta.dirname, "results/latest.json"), `${JSON.stringify(result, null, 2)}\n`);
console.log(`\n${tablesOf(result).join("\n")}`);
const wrong = shortcomings(result);
for (const line of wrong) console.error(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
