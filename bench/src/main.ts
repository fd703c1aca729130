/**
 * `npm run bench [-- --quick]`: measures the shop beside the usual stack and keeps the results. `npm run bench -- --vs GIT_REF
 * [--rounds 12] [--mesh]`: measures it beside its own code at another commit, and ends with 1 when anything got worse.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitAt } from "@row/laptop/git-checkout.ts";
import { readFlags } from "../../scripts/flags.ts";
import { FULL, QUICK, VERSUS } from "./plan.ts";
import { keep } from "./report/files.ts";
import { report } from "./report/report.ts";
import { failuresIn } from "./results.ts";
import { run } from "./run.ts";
import { verdictOn } from "./versus/verdict.ts";
import { measureVersus } from "./versus/versus.ts";

const RESULTS = join(import.meta.dirname, "../results");

const USAGE = `npm run bench [-- --quick]
npm run bench -- --vs GIT_REF [--rounds ${VERSUS.rounds}] [--mesh]

Measures the shop beside the usual stack and keeps the results; or beside its own code at another commit, and ends with 1 when anything got worse.

  --quick       a short run, whose results are not kept
  --vs GIT_REF  compare with the code of a branch, tag or commit
  --rounds N    how often each of the two is measured, with --vs
  --mesh        measure with sidecars, with --vs`;

const { values } = readFlags(USAGE, {
  options: {
    quick: { type: "boolean", default: false },
    vs: { type: "string" },
    rounds: { type: "string", default: String(VERSUS.rounds) },
    mesh: { type: "boolean", default: false },
  },
});
const startedAt = performance.now();
const elapsed = () => ((performance.now() - startedAt) / 1_000).toFixed(0);
const say = (text: string) => console.error(`${elapsed().padStart(4)} s  ${text}`);

class Interrupted extends Error {}

/** Rejects when somebody ends the run, or it takes too long. */
function interruptedAfter(limitSeconds: number): Promise<never> {
  return new Promise<never>((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => reject(new Interrupted(signal)));
    const late = () => reject(new Interrupted(`it takes longer than ${limitSeconds} s`));
    setTimeout(late, limitSeconds * 1_000).unref();
  });
}

async function measureAll(): Promise<number> {
  const plan = values.quick ? QUICK : FULL;
  const results = await run(plan, say, interruptedAfter(plan.limitSeconds));
  console.log(report(results));
  if (plan.isFull) keep(results);
  const failures = failuresIn(results);
  if (failures.length > 0) console.error(`Requests failed:\n${failures.join("\n")}`);
  return failures.length > 0 ? 1 : 0;
}

async function compareWith(ref: string): Promise<number> {
  const commit = commitAt(ref);
  const rounds = Number(values.rounds);
  if (commit === undefined) throw new Error(`this clone holds no commit "${ref}"; git fetch --unshallow may get it`);
  if (!Number.isInteger(rounds) || rounds < 2)
    throw new Error(`--rounds must be a whole number from 2, not ${values.rounds}`);
  const plan = { ...VERSUS, rounds, mesh: values.mesh };
  const result = await measureVersus(ref, commit, plan, say, interruptedAfter(VERSUS.limitSeconds));
  const { text, worse } = verdictOn(result);
  console.log(text);
  mkdirSync(RESULTS, { recursive: true });
  const name = `versus-${commit.slice(0, 7)}${values.mesh ? "-mesh" : ""}.json`;
  writeFileSync(join(RESULTS, name), `${JSON.stringify(result, null, 2)}\n`);
  console.log(worse.length > 0 ? `\nWorse than ${ref}:\n${worse.join("\n")}` : `\nNothing got worse than ${ref}`);
  return worse.length > 0 ? 1 : 0;
}

try {
  process.exit(values.vs === undefined ? await measureAll() : await compareWith(values.vs));
} catch (error) {
  const why = error instanceof Interrupted ? error.message : error instanceof Error ? error.stack : error;
  console.error(`The bench ended early: ${why}`);
  process.exit(1);
}
