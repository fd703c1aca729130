/** Runs an experiment on this machine's shop: refused before anything is touched, or kept in a folder of its own until it is over. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Experiment } from "@row/mesh/experiments/experiment.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import type { Observatory } from "@row/mesh/experiments/run/observation.ts";
import { runExperiment } from "@row/mesh/experiments/run/run.ts";
import { planRun, type RunPlan } from "@row/mesh/experiments/run/run-plan.ts";
import { RUN_FORMAT, type RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import type { Listeners } from "@row/mesh/experiments/run/stage.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Installation } from "../installation.ts";
import { askOf } from "../sidecars/ask-change.ts";
import { standingOf } from "../sidecars/standing.ts";
import { claimFile } from "../supervisor/claim.ts";
import { identify, isAlive, type ProcessIdentity } from "../supervisor/process-identity.ts";
import { openJournal } from "./journal.ts";
import { laptopStage } from "./laptop-stage.ts";
import { newRun, openRuns, runsFolder } from "./runs.ts";

export interface RunHere extends Listeners {
  readonly observatory: Observatory;
  readonly signal: AbortSignal;
  /** What repeats the arrivals, calls and products of its load; another each time unless given. */
  readonly seed?: number;
  readonly onBegin?: (record: RunRecord, plan: RunPlan) => void;
}

/** What a run would do. Throws RowError where it cannot begin; nothing is touched. */
export async function planHere(installation: Installation, experiment: Experiment): Promise<RunPlan> {
  const { stateDir, root } = installation;
  const { service } = experiment.spec;
  const ask = askOf(stateDir);
  await ask("about", {});
  refuseOpenRun(stateDir, service);
  const known = knownServices(root).find(({ name }) => name === service);
  if (!known) throw new RowError(`There is no service ${service}`);
  return planRun(withFolder(experiment), known, await standingOf(ask, service));
}

/** Answers the record of the run once it is over. */
export async function runHere(
  installation: Installation,
  experiment: Experiment,
  { observatory, seed, onBegin, ...options }: RunHere,
): Promise<RunRecord> {
  const { stateDir, root } = installation;
  const { service } = experiment.spec;
  const runner = identify(process.pid);
  if (!runner) throw new Error("This process cannot be told from others");
  mkdirSync(runsFolder(stateDir), { recursive: true, mode: 0o700 });
  // Of two that begin at the same moment one is first.
  const claim = claimFile(claimOf(stateDir, service), runner, () => refuseClaim(stateDir, service));
  try {
    const plan = await planHere(installation, experiment);
    const time = new Date();
    const commit = commitOf(root);
    const record: RunRecord = {
      format: RUN_FORMAT,
      run: newRun(stateDir, experiment.metadata.name, time),
      experiment: experiment.metadata.name,
      arms: plan.arms,
      configuration: plan.experiment.spec,
      stableBehaviours: plan.baseline.behaviours,
      ...(commit !== undefined && { commit }),
      startedTime: time.toISOString(),
      runner,
      phase: "prepare",
      before: plan.before,
      loadSeed: seed ?? time.getTime() % 2 ** 31,
    };
    const journal = openJournal(stateDir, record, plan.rule);
    journal.begin(record);
    onBegin?.(record, plan);
    const stage = laptopStage(installation, askOf(stateDir), observatory);
    return await runExperiment(plan, record, stage, journal, { ...options, now: () => new Date().toISOString() });
  } finally {
    claim.release();
  }
}

function claimOf(stateDir: string, service: string): string {
  return join(runsFolder(stateDir), `${service}.json`);
}

function refuseClaim(stateDir: string, service: string): void {
  const holder = readHolder(claimOf(stateDir, service));
  if (!holder || !isAlive(holder)) return;
  const open = openRuns(stateDir).find(({ runner }) => runner.pid === holder.pid);
  throw new UnderWay(service, [...(open ? [open.run] : []), `pid ${holder.pid}`].join(", "));
}

/** Undefined where it has just been released. */
function readHolder(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

class UnderWay extends RowError {
  constructor(service: string, which: string) {
    super(
      `Cannot run an experiment on ${service}: another one is under way (${which}). Wait for it, or end it with \`npx row experiment abort\``,
    );
  }
}

function refuseOpenRun(stateDir: string, service: string): void {
  const open = openRuns(stateDir).find(({ arms }) => arms.service === service);
  if (!open) return;
  if (isAlive(open.runner)) throw new UnderWay(service, `${open.run}, pid ${open.runner.pid}`);
  throw new RowError(
    `Cannot run an experiment on ${service}: the runner of ${open.run} was killed and left things changed. Bring them back with \`npx row experiment abort ${open.run}\``,
  );
}

/** A folder is meant from here, wherever the shop runs. */
function withFolder(experiment: Experiment): Experiment {
  const { folder, ...canary } = experiment.spec.canary;
  if (folder === undefined) return experiment;
  const path = resolve(folder);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new RowError(`Cannot run ${experiment.metadata.name}: spec.canary.folder: there is no folder ${path}`);
  return { ...experiment, spec: { ...experiment.spec, canary: { ...canary, folder: path } } };
}

/** "3ee0af7…", or "3ee0af7…-dirty" of a folder with changes; undefined where it is no clone. */
function commitOf(root: string): string | undefined {
  const words = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
  const { status, stdout } = spawnSync("git", ["-C", root, ...words], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
