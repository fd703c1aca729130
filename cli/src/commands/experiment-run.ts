/** `row experiment run`: a canary gets a share of the traffic until there is a verdict, and is promoted or taken back. */
import type { RunHere } from "@row/laptop/experiments/run-here.ts";
import type { Installation } from "@row/laptop/installation.ts";
import type { Experiment } from "@row/mesh/experiments/experiment.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import { doing } from "@row/mesh/experiments/run/phase.ts";
import type { RunEnd } from "@row/mesh/experiments/run/run-record.ts";
import { Command } from "commander";
import { namedExperiment } from "../named-experiment.ts";
import { resultText } from "../result-lines.ts";
import { legend, planText, secondText } from "../run-lines.ts";
import { listenForStop } from "../stop-signal.ts";
import type { LiveView } from "../watch/live-view.ts";
import { wholeNumber } from "../whole-number.ts";

type Shown = Pick<RunHere, "onBegin" | "onPhase" | "onSecond">;

interface RunFlags {
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly load: boolean;
  readonly seed?: string;
  readonly watch?: boolean;
}

/** Beside 1, which says as everywhere that the command could not do its work. */
const EXIT_STATUS: Readonly<Record<RunEnd["outcome"], number>> = {
  promoted: 0,
  "rolled back": 2,
  inconclusive: 3,
  aborted: 3,
};

export function experimentRunCommand(here: () => Installation): Command {
  return new Command("run")
    .description("give a canary a share of the traffic until there is a verdict, then promote it or take it back")
    .argument("<experiment>", "a name in mesh/experiments, or a file")
    .option("--dry-run", "show what it would do, or why that is refused, and change nothing")
    .option("--no-load", "send nothing: judge the traffic that is there")
    .option("--seed <number>", "repeat the arrival times, calls and products of an earlier run's load")
    .option("--watch", "on a terminal, draw each request, the shares and the evidence as they come")
    .option("--json", "print a line of JSON a second, and the result as the last")
    .addHelpText(
      "after",
      "\nExit status: 0 promoted, 2 rolled back, 3 inconclusive or ended by hand, 1 when it could not run.\nCtrl-C ends it in order: the weights of before come back, and its versions go.",
    )
    .action((name: string, flags: RunFlags) => experimentRun(here(), name, flags));
}

async function experimentRun(installation: Installation, name: string, flags: RunFlags): Promise<void> {
  const { root } = installation;
  const read = namedExperiment(root, name, knownServices(root), "run");
  await runShown(installation, flags.load ? read : withoutLoad(read), flags);
}

/** Runs an experiment, and shows each second of it and what came of it; the exit status says that too. Undefined of a dry run. */
export async function runShown(
  installation: Installation,
  experiment: Experiment,
  flags: Omit<RunFlags, "load">,
): Promise<RunEnd | undefined> {
  const { planHere, runHere } = await import("@row/laptop/experiments/run-here.ts");
  if (flags.dryRun) {
    const plan = await planHere(installation, experiment);
    console.log(flags.json ? JSON.stringify({ dryRun: true, ...plan }, null, 2) : planText(plan));
    if (!flags.json) console.log("Nothing is changed: so it would be without --dry-run");
    return undefined;
  }
  const { laptopObservatory } = await import("@row/laptop/experiments/observatory.ts");
  const { readResult, runFiles } = await import("@row/laptop/experiments/runs.ts");
  const isDrawn = flags.watch && !flags.json && process.stdout.isTTY;
  const view = isDrawn ? new (await import("../watch/live-view.ts")).LiveView(installation) : undefined;
  const say = flags.json || view ? () => {} : (text: string) => console.log(text);
  const stop = listenForStop(() => say("        is ended: everything is brought back"));
  const record = await runHere(installation, experiment, {
    observatory: laptopObservatory(installation),
    signal: stop.signal,
    ...(flags.seed !== undefined && { seed: wholeNumber("run it", "--seed", flags.seed, 2 ** 32 - 1) }),
    ...(view ? drawn(view) : told(flags.json ?? false, say)),
  }).finally(() => {
    stop.end();
    view?.end();
  });
  const files = runFiles(installation.stateDir, record.run);
  const result = readResult(files.result);
  process.exitCode = record.ended ? EXIT_STATUS[record.ended.outcome] : 1;
  if (flags.json) console.log(JSON.stringify({ run: record.run, ended: record.ended, result, files }));
  else console.log(`\n${resultText(result)}\n\nReport   ${files.report}\nCounts   ${files.counts}`);
  return record.ended;
}

function told(isJson: boolean, say: (text: string) => void): Shown {
  return {
    onBegin: ({ run }, plan) => say(`${run}\n${legend(plan)}`),
    onPhase: ({ phase }) => say(`        ${doing(phase)}`),
    onSecond: (second) => console.log(isJson ? JSON.stringify(second) : secondText(second)),
  };
}

function drawn(view: LiveView): Shown {
  return {
    onBegin: (record) => view.begin(record),
    onPhase: (record) => view.phase(record),
    onSecond: (second) => view.second(second),
  };
}

function withoutLoad(experiment: Experiment): Experiment {
  const { load: _, ...spec } = experiment.spec;
  return { ...experiment, spec };
}
