/**
 * `npm run experiments`: every ready experiment on a shop of its own, as often as the plan says, each rolled back by its gate, promoted or
 * inconclusive as it must be. All runs are kept in tests/experiments/results/latest.json, those that went wrong too.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { startShop } from "@row/laptop/shop/shop.ts";
import { parse, stringify } from "yaml";
import { countFlag, readFlags } from "../../../scripts/flags.ts";
import { portBase } from "../../harness/ports.ts";
import { CAMPAIGN, type Planned } from "./plan.ts";
import { type KeptRun, summed } from "./run-record.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const RESULTS = resolve(import.meta.dirname, "../results");
const SEED = 20_261_130;
const MOST_RUNS = 99;

const USAGE = `npm run experiments [-- --only NAME] [--runs N]

Runs the ready experiments on a shop of its own and looks whether each ends as it must. All of them take about two hours.

  --only NAME  of these alone; may be repeated. Others' last runs stay in the results
  --runs N     so many of each, instead of what the plan says; results are then not kept`;

const { values } = readFlags(USAGE, {
  options: { only: { type: "string", multiple: true, default: [] }, runs: { type: "string" } },
});
const unknown = values.only.filter((name) => !CAMPAIGN.some((planned) => planned.name === name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}: there are ${CAMPAIGN.map(({ name }) => `"${name}"`).join(", ")}`);
  process.exit(2);
}
const times = values.runs === undefined ? undefined : countFlag("runs", values.runs, MOST_RUNS);
const plan = CAMPAIGN.filter(({ name }) => values.only.length === 0 || values.only.includes(name));
const file = join(RESULTS, "latest.json");
const kept: KeptRun[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).runs : [];
let runs: KeptRun[] = kept.filter((run) => !plan.some(({ name }) => name === run.name));

const folder = mkdtempSync(join(tmpdir(), "row-experiments-"));
const stateDir = join(folder, "state");
const base = await portBase();
const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(base) };
const shop = await startShop({ stateDir, portBase: base });
let isOver = false;
const end = async () => {
  isOver = true;
  await shop.destroy();
  rmSync(folder, { recursive: true, force: true });
};
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void end().finally(() => process.exit(130)));

for (const planned of plan) {
  for (let index = 0; index < (times ?? planned.runs) && !isOver; index += 1) {
    const run = await once(planned, SEED + index);
    runs = [...runs, run];
    console.log(
      `${planned.name.padEnd(24)} ${run.secondsToVerdict} s  ${run.sentence}${run.trouble ? `  TROUBLE: ${run.trouble}` : ""}`,
    );
    // Each is kept at once: what was run has been run.
    if (times === undefined) keep();
  }
}
await end();
const sums = summed(runs, plan);
console.table(sums);
process.exitCode = sums.every(({ isFine }) => isFine) ? 0 : 1;

function keep(): void {
  mkdirSync(RESULTS, { recursive: true });
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version };
  writeFileSync(file, `${JSON.stringify({ seed: SEED, machine, summary: summed(runs), runs }, null, 2)}\n`);
}

async function once(planned: Planned, seed: number): Promise<KeptRun> {
  const startedTime = new Date().toISOString();
  if (planned.stable) await row("behave", serviceOf(planned), "v1", planned.stable, "--for", "forever");
  const words = ["experiment", "run", fileOf(planned), "--json", "--seed", String(seed)];
  const little =
    planned.traffic === "little" ? start("load", "--mix", "read", "--rate", "2", "--for", "10m", "--json") : undefined;
  const running = start(...words);
  const lines: string[] = [];
  createInterface(running.stdout).on("line", (line) => {
    lines.push(line);
    // Once the judge has seen some seconds, somebody changes the weights by hand.
    if (lines.length === 15 && planned.traffic === "not as split")
      void row("split", serviceOf(planned), "v1=100", "v2=0").catch(() => {});
  });
  const stderr = await text(running.stderr);
  await closed(running);
  little?.stdout.resume();
  little?.kill("SIGTERM");
  if (planned.stable) await row("behave", "--clear", serviceOf(planned));
  const last = lines.at(-1) ?? "";
  const { name } = planned;
  const trouble = await cleanUp(planned);
  try {
    const { result, ended } = JSON.parse(last);
    const { outcome, reason, gate, sentence, afterSeconds } = result.verdict;
    const { requests } = result;
    return {
      name,
      seed,
      startedTime,
      outcome,
      reason,
      ...(gate !== undefined && { gate }),
      sentence,
      secondsToVerdict: afterSeconds,
      canaryRequests: requests.canary,
      ...(ended.sent && { sent: ended.sent }),
      ...(trouble && { trouble }),
    };
  } catch {
    const said = stderr.trim() || last;
    const none = { outcome: "none", reason: "none", secondsToVerdict: 0, canaryRequests: 0 };
    return { name, seed, startedTime, ...none, sentence: said, trouble: `it did not end with a result: ${said}` };
  }
}

/** The experiment as it is written, or with what is changed in a file of its own. */
function fileOf({ experiment, changed }: Planned): string {
  if (!changed) return experiment;
  const written = parse(readFileSync(join(ROOT, "mesh/experiments", `${experiment}.yaml`), "utf8"));
  const path = join(folder, `${experiment}.yaml`);
  writeFileSync(path, stringify({ ...written, spec: { ...written.spec, ...changed } }));
  return path;
}

function serviceOf({ experiment }: Planned): string {
  return parse(readFileSync(join(ROOT, "mesh/experiments", `${experiment}.yaml`), "utf8")).spec.service;
}

/** What a promotion leaves is taken back; what else is left is a fault of the run, and named. */
async function cleanUp(planned: Planned): Promise<string | undefined> {
  const service = serviceOf(planned);
  const { processes } = await shop.status();
  const left = processes.filter((one) => one.name === service && one.version !== "v1").map(({ version }) => version);
  await row("split", service, "v1=100", ...left.map((version) => `${version}=0`));
  for (const version of new Set(left)) await row("undeploy", service, "--version", version);
  const isPromotion = planned.expected.outcome === "promoted";
  return left.length > 0 && !isPromotion ? `${left.join(", ")} of ${service} ran still` : undefined;
}

function start(...words: string[]) {
  return spawn(process.execPath, [join(ROOT, "cli/src/main.ts"), ...words], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function closed(child: ReturnType<typeof start>): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once("close", resolve);
  });
}

async function row(...words: string[]): Promise<void> {
  const child = start(...words);
  child.stdout.resume();
  const [said, code] = await Promise.all([text(child.stderr), closed(child)]);
  if (code !== 0) throw new Error(`row ${words.join(" ")} failed: ${said}`);
}
