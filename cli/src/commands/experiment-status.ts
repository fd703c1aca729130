/** `row experiment status`: which experiments are under way, and what runners that were killed have left. */
import { isRunning, openRuns } from "@row/laptop/experiments/runs.ts";
import type { Installation } from "@row/laptop/installation.ts";
import { askMesh, NotRunning } from "@row/laptop/supervisor/control-client.ts";
import { doing } from "@row/mesh/experiments/run/phase.ts";
import type { RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import { Command } from "commander";
import { warning } from "../colours.ts";
import { render } from "./split.ts";

export function experimentStatusCommand(here: () => Installation): Command {
  return new Command("status")
    .description("show which experiments are under way, and what a runner that was killed has left")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => experimentStatus(here(), options));
}

async function experimentStatus({ stateDir }: Installation, { json }: { json?: boolean }): Promise<void> {
  const runs = await Promise.all(openRuns(stateDir).map((record) => described(stateDir, record)));
  if (json) return console.log(JSON.stringify(runs, null, 2));
  if (runs.length === 0) console.log("No experiment is under way, and none has left anything.");
  for (const run of runs) console.log(text(run));
}

interface Described {
  readonly record: RunRecord;
  readonly isRunning: boolean;
  /** As calls are shared now; absent while the shop does not run. */
  readonly split?: Awaited<ReturnType<typeof splitOf>>;
  /** Of the run's own, those that are there. */
  readonly versions?: readonly string[];
}

async function described(stateDir: string, record: RunRecord): Promise<Described> {
  const { service, baseline, canary } = record.arms;
  const seen = { record, isRunning: isRunning(record) };
  try {
    const { deployments } = await askMesh(stateDir, "deployments", { service });
    const there = deployments.map(({ version }) => version);
    return {
      ...seen,
      split: await splitOf(stateDir, service),
      versions: [baseline, canary].filter((version) => there.includes(version)),
    };
  } catch (error) {
    if (error instanceof NotRunning) return seen;
    throw error;
  }
}

function splitOf(stateDir: string, service: string) {
  return askMesh(stateDir, "split", { service, weights: [] });
}

function text({ record, isRunning, split, versions = [] }: Described): string {
  const { run, arms, phase, runner, before, startedTime } = record;
  const now = `Now     ${split ? render(arms.service, split) : "the shop does not run"}`;
  const was = `Before  ${render(arms.service, { splits: before, left: [] })}`;
  const about = `${run}: ${arms.service} ${arms.canary} against ${arms.baseline}, begun ${startedTime}`;
  const lines = isRunning
    ? [about, `It ${doing(phase)} (pid ${runner.pid}). End it with \`npx row experiment abort ${run}\``]
    : [
        about,
        warning(`Its runner was killed. The last that it wrote down: it ${doing(phase)}`),
        `Left there: ${versions.map((version) => `${arms.service} ${version}`).join(", ") || "no version of its own"}`,
        split
          ? `Bring everything back with \`npx row experiment abort ${run}\`; the next start of the shop does, too`
          : 'The next start of the shop brings everything back: "npm start"',
      ];
  return [...lines, now, was].join("\n");
}
