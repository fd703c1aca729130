/** `row experiment run` on a real shop: what is promoted, rolled back and left undecided, and what is there afterwards. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { allRuns, leftRuns, runFiles } from "@row/laptop/experiments/runs.ts";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { SeededRandom } from "@row/load/seeded-random.ts";
import { PHASES } from "@row/mesh/experiments/run/phase.ts";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { portBase } from "../harness/ports.ts";
import { RUNNER_CRASHES, type RunnerCrash } from "./crash-table.ts";

const root = resolve(import.meta.dirname, "../..");
const MAIN = join(root, "cli/src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "row-experiment-runs-"));
const stateDir = join(folder, "state");
const PORT_BASE = await portBase();
const SHOP = { services: ["auth", "catalog", "edge"], stateDir, portBase: PORT_BASE, isThrowaway: true };
let shop: Shop;

beforeAll(async () => {
  shop = await startShop(SHOP);
});

const runners: ChildProcess[] = [];

afterEach(() => {
  for (const runner of runners.splice(0)) runner.kill("SIGKILL");
});

afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

test("a canary that fails is rolled back by failures, and the shop is as it was before", async () => {
  const { status, stdout } = await row("experiment", "run", errors());
  assert.equal(status, 2, stdout);
  assert.match(stdout, /^ +\d+ s {2}20\/40\/40 +\d+\/\d+\/\d+ +all [\d.e]+ {2}failures [\d.e]+\|/m);
  assert.match(stdout, /^Rolled back after \d+ s by failures: failed requests of catalog v2 are \d+ of \d+ requests/m);
  await isAsBefore();
  const files = filesOf("errors");
  const result = JSON.parse(readFileSync(files.result, "utf8"));
  assert.deepEqual([result.verdict.outcome, result.verdict.gate], ["rolled back", "failures"]);
  assert.match(readFileSync(files.report, "utf8"), /✕ rolled back/);
  const judged = await row("experiment", "judge", files.folder);
  assert.equal(judged.status, 0, judged.stderr);
  assert.match(judged.stdout, /result\.json says the same/);
  const { arms, ended, before, configuration, commit } = JSON.parse(readFileSync(files.record, "utf8"));
  assert.deepEqual(arms, { service: "catalog", stable: "v1", baseline: "v1-baseline", canary: "v2" });
  assert.deepEqual([ended.outcome, ended.by, configuration.load.rate], ["rolled back", "runner", RATE]);
  assert.ok(before.length > 1, "every rule has its weights of before");
  assert.match(commit, /^[0-9a-f]{40}/);
});

test("a good canary is promoted: it has all calls, stable goes on without any, and one command goes back", async () => {
  const { status, stdout } = await row("experiment", "run", good(), "--json");
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const last = lines.at(-1);
  assert.equal(status, 0, JSON.stringify(last.ended));
  assert.equal(last.result.verdict.outcome, "promoted");
  assert.deepEqual(
    [...new Set(lines.slice(0, -1).map(({ weights }) => Object.values(weights).join("/")))],
    ["20/40/40", "0/50/50"],
  );
  assert.deepEqual(await shares(), ["v1=0", "v2=100"]);
  assert.deepEqual(await versions(), ["v1", "v2"]);
  // Where stable has no calls the next one cannot begin.
  const again = await row("experiment", "run", good());
  assert.equal(again.status, 1);
  assert.match(again.stderr, /catalog v2 is deployed already/);
  await goBack();
});

/** From a canary that was promoted. */
async function goBack(): Promise<void> {
  await shop.meshControl.split({ service: "catalog", weights: ["v1=100"] });
  await shop.meshControl.undeploy({ service: "catalog", version: "v2" });
  await isAsBefore();
}

test("without traffic nothing is promoted: the run is inconclusive, and says that nobody came", async () => {
  const { status, stdout } = await row("experiment", "run", good({ load: "none", longestTime: "3s" }));
  assert.equal(status, 3, stdout);
  assert.match(stdout, /^Inconclusive after 3 s: no traffic reached catalog v2/m);
  await isAsBefore();
});

test("Ctrl-C brings everything back, and the result says that somebody ended it; a second run is refused meanwhile", async () => {
  const { runner, phase } = start("experiment", "run", good({ load: "none", longestTime: "120s" }));
  await phase("compare");
  const other = await row("experiment", "run", errors());
  assert.equal(other.status, 1);
  assert.match(other.stderr, /Cannot run an experiment on catalog: another one is under way \(good-\S+, pid \d+\)/);
  const under = await row("experiment", "status");
  assert.match(under.stdout, /^It compares the canary with the baseline \(pid \d+\)/m);
  const whole = await row("status");
  assert.match(whole.stdout, /^Experiment {4}good-\S+ on catalog: it compares the canary with the baseline$/m);
  runner.kill("SIGINT");
  const [status] = await once(runner, "exit");
  assert.equal(status, 3);
  await isAsBefore();
  const { verdict } = JSON.parse(readFileSync(filesOf("good").result, "utf8"));
  assert.deepEqual([verdict.outcome, verdict.reason], ["inconclusive", "aborted"]);
  const shown = await row("experiment", "show");
  assert.match(shown.stdout, /, aborted 2\d{3}-/);
  assert.match((await row("experiment", "list", "--runs")).stdout, /^good-\S+ +catalog +v2 +\S+ +aborted$/m);
});

test("abort ends a run that goes on, from another terminal", async () => {
  const { runner, phase } = start("experiment", "run", good({ load: "none", longestTime: "120s" }));
  await phase("compare");
  const gone = once(runner, "exit");
  const { status, stdout } = await row("experiment", "abort");
  assert.deepEqual([status, (await gone)[0]], [0, 3]);
  assert.match(stdout, /^good-\S+: aborted\./m);
  await isAsBefore();
});

test("a dry run says what would be done, refuses what would be refused, and changes nothing", async () => {
  const runs = allRuns(stateDir).length;
  const { status, stdout } = await row("experiment", "run", errors(), "--dry-run");
  assert.equal(status, 0);
  assert.match(stdout, /^baseline +npx row deploy catalog --version v1-baseline$/m);
  assert.match(stdout, /^canary +npx row deploy catalog --version v2 --behaviour errors=30%:INTERNAL$/m);
  assert.match(stdout, /^weights +npx row split catalog v1=20 v1-baseline=40 v2=40/m);
  assert.equal(allRuns(stateDir).length, runs);
  await isAsBefore();
});

test("the table has every phase that a run goes through", () => {
  const missing = PHASES.filter((phase) => !RUNNER_CRASHES.some(({ point }) => point.endsWith(`-${phase}`)));
  assert.deepEqual(missing, []);
});

/** All of them take two minutes: a seed, which is another every day, picks eight, unless all are asked for. */
const SEED = Number(process.env.ROW_SEED ?? Math.floor(Date.now() / 86_400_000));
const PICKED = 8;

function crashes(): readonly RunnerCrash[] {
  if (process.env.ROW_CRASHES === "all") return RUNNER_CRASHES;
  const left = [...RUNNER_CRASHES];
  const random = new SeededRandom(SEED);
  return Array.from({ length: PICKED }, () => {
    const [one] = left.splice(Math.floor(random.next() * left.length), 1);
    return one ?? assert.fail("there are fewer crash points than are picked");
  });
}

describe("a runner that is killed", () => {
  beforeAll(() => shop.load.start({ ...QUIET, seconds: 600, spacing: "poisson", seed: 1, connections: 16 }));
  afterAll(() => shop.load.stop());

  for (const { point, canary } of crashes()) {
    test(`${point.replace("experiment.", "").replace("-", " ")} leaves what abort brings back`, async () => {
      const file = canary === "good" ? good(SWIFT) : errors(SWIFT);
      const marker = join(folder, `${point}.hit`);
      const { runner } = start({ CRASH_AT: point, CRASH_MARKER: marker }, "experiment", "run", file);
      assert.deepEqual(await once(runner, "exit"), [null, "SIGKILL"]);
      assert.ok(existsSync(marker), "it came to this point");
      if (point.endsWith("-over")) {
        assert.equal(latest().ended?.outcome, "rolled back");
        return isAsBefore();
      }
      assert.deepEqual(leftRuns(stateDir), [latest()]);
      const aborted = await row("experiment", "abort");
      assert.equal(aborted.status, 0, aborted.stderr);
      const { verdict } = JSON.parse(readFileSync(runFiles(stateDir, latest().run).result, "utf8"));
      assert.ok(verdict, "its result says how it ended");
      // A verdict that was carried out stays so.
      await isAsBefore();
    });
  }
});

test("status explains what a runner that was killed has left, and the next run is refused until it is back", async () => {
  const { runner, phase } = start("experiment", "run", good({ load: "none", longestTime: "120s" }));
  await phase("compare");
  runner.kill("SIGKILL");
  await once(runner, "exit");
  const { stdout } = await row("experiment", "status");
  assert.match(
    stdout,
    /^Its runner was killed\. The last that it wrote down: it compares the canary with the baseline$/m,
  );
  assert.match(stdout, /^Left there: catalog v1-baseline, catalog v2$/m);
  assert.match(stdout, /^Now +\d routes +v1=20 \(20 %\) +v1-baseline=40 \(40 %\) +v2=40 \(40 %\)$/m);
  assert.match(stdout, /^Before +\d routes +v1=\d+ \(100 %\)$/m);
  const refused = await row("experiment", "run", errors());
  assert.match(refused.stderr, /the runner of good-\S+ was killed and left things changed/);
  assert.equal((await row("experiment", "abort", "good")).status, 0);
  await isAsBefore();
});

test("a runner that is killed while the shop deploys for it leaves no version behind", async () => {
  const { runner, phase } = start("experiment", "run", good({ load: "none" }));
  await phase("deploy-canary");
  runner.kill("SIGKILL");
  await once(runner, "exit");
  const { status, stderr } = await row("experiment", "abort");
  assert.equal(status, 0, stderr);
  await isAsBefore();
});

test("on a terminal --watch draws each request with its version's letter, then says the verdict, and ends", async () => {
  const file = errors();
  const command = `stty cols 100 rows 40; "${process.execPath}" "${MAIN}" experiment run "${file}" --watch`;
  const env = { ...process.env, TERM: "xterm-256color", ROW_STATE_DIR: stateDir };
  const terminal = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], { env });
  runners.push(terminal);
  const [drawn, [status]] = await Promise.all([text(terminal.stdout), once(terminal, "exit")]);
  assert.equal(status, 2, drawn.slice(-2_000));
  const plain = stripVTControlCharacters(drawn);
  assert.match(plain, /s· /, "stable answers well");
  assert.match(plain, /C✕/, "the canary fails");
  assert.match(plain, /v2 +40 % +\d/);
  assert.match(plain, /failures +[\d.]+ %, [\d.]+ % +\[=* *\]/);
  assert.match(plain.slice(plain.lastIndexOf("GATE  ") - 1_000), /Rolled back after \d+ s by failures/);
  await isAsBefore();
});

test("a shop that is stopped under a run ends it, and when it starts again it brings back the weights of before", async () => {
  const { runner, phase } = start("experiment", "run", good({ load: "none", longestTime: "120s" }));
  await phase("compare");
  const said = text(err(runner));
  const gone = once(runner, "exit");
  await shop.stop();
  assert.deepEqual(await gone, [1, null]);
  assert.match(await said, /Not everything is as it was before good-\S+: .*start the shop anew/);
  const waits = await row("experiment", "status");
  assert.match(waits.stdout, /The next start of the shop brings everything back/);
  shop = await startShop(SHOP);
  await isAsBefore();
  const { ended } = latest();
  assert.deepEqual([ended?.outcome, ended?.by], ["aborted", "start of the shop"]);
});

interface Asked {
  readonly load?: "none";
  readonly longestTime?: string;
  readonly steps?: string;
  readonly warmUp?: string;
  readonly alpha?: string;
  readonly beta?: string;
  readonly behaviour?: string;
  readonly ceiling?: string;
}

const RATE = 40;
const QUIET = { mix: "read", rate: RATE } as const;
/** Comes to a verdict within seconds. */
const SWIFT: Asked = {
  load: "none",
  longestTime: "30s",
  warmUp: "0s",
  alpha: "0.1%",
  beta: "50%",
  ceiling: "50%",
  // All of them in a row would have callers' circuit breakers take it out.
  behaviour: "errors=60%:INTERNAL",
  steps: `
    - { weights: { stable: 20, baseline: 40, canary: 40 }, minTime: 1s }
    - { weights: { stable: 0, baseline: 50, canary: 50 }, minTime: 1s }`,
};

function errors(asked: Asked = {}): string {
  return experiment("errors", { behaviour: "errors=30%:INTERNAL", ...asked });
}

function good(asked: Asked = {}): string {
  return experiment("good", { ...asked, behaviour: "good" });
}

function experiment(name: string, asked: Asked): string {
  const { longestTime = "60s", warmUp = "2s", alpha = "5%", beta = "5%", ceiling = "10%", behaviour } = asked;
  const {
    steps = `
    - { weights: { stable: 20, baseline: 40, canary: 40 }, minTime: 4s, minRequests: 50 }
    - { weights: { stable: 0, baseline: 50, canary: 50 } }`,
  } = asked;
  const file = join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `apiVersion: canary-row.dev/v1alpha1
kind: Experiment
metadata: { name: ${name} }
spec:
  service: catalog
  canary: { version: v2, behaviour: "${behaviour}" }
  warmUp: ${warmUp}
${asked.load === "none" ? "" : `  load: { mix: read, rate: ${RATE} }\n`}  steps: ${steps}
  longestTime: ${longestTime}
  alpha: ${alpha}
  beta: ${beta}
  gates:
    - { metric: failures, riskRatio: 5, ceiling: ${ceiling} }
`,
  );
  return file;
}

async function row(...words: string[]) {
  const { runner } = start(...words);
  const [stdout, stderr, [status]] = await Promise.all([text(out(runner)), text(err(runner)), once(runner, "exit")]);
  return { stdout, stderr, status };
}

function start(...words: (string | NodeJS.ProcessEnv)[]) {
  const more = words.filter((word) => typeof word === "object");
  const env = Object.assign({ ...process.env, NO_COLOR: "1", ROW_STATE_DIR: stateDir }, ...more);
  const args = [MAIN, ...words.filter((word) => typeof word === "string")];
  const runner = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  runners.push(runner);
  /** Resolves when its record says so. */
  const phase = async (wanted: string) => {
    while (!allRuns(stateDir).some((one) => one.runner.pid === runner.pid && one.phase === wanted)) {
      assert.equal(runner.exitCode, null, "the runner goes on");
      await sleep(20);
    }
  };
  return { runner, phase };
}

const out = ({ stdout }: ChildProcess) => stdout ?? assert.fail("it has standard output");
const err = ({ stderr }: ChildProcess) => stderr ?? assert.fail("it has standard error");

function latest() {
  return allRuns(stateDir).at(-1) ?? assert.fail("no run is kept");
}

function filesOf(name: string) {
  const found = allRuns(stateDir).findLast((one) => one.experiment === name);
  return runFiles(stateDir, found?.run ?? assert.fail(`no run of ${name} is kept`));
}

/** How all rules of the service share its calls; they agree. */
async function shares(): Promise<string[]> {
  const { splits } = await shop.meshControl.split({ service: "catalog", weights: [] });
  const all = splits.map(({ weights }) => weights.map(({ version, weight }) => `${version}=${weight}`).sort());
  for (const one of all) assert.deepEqual(one, all[0]);
  return all[0] ?? [];
}

async function versions(): Promise<string[]> {
  const { deployments } = await shop.meshControl.deployments({ service: "catalog" });
  return deployments.map(({ version }) => version);
}

async function isAsBefore(): Promise<void> {
  assert.deepEqual(await versions(), ["v1"]);
  const now = await shares();
  assert.equal(now.length, 1);
  assert.match(now[0] ?? "", /^v1=[1-9]\d*$/);
  const instances = shop.processes.filter(({ name }) => name === "catalog").map(({ instance }) => instance);
  assert.deepEqual(
    instances.filter((name) => !name.includes("sidecar")),
    ["catalog-v1-1"],
  );
}
