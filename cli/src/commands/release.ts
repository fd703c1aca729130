/** `row release`: a new version of a service takes over, by a named strategy, and is taken back by one command. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { planRelease, release, releaseDone, takeBack } from "@row/laptop/releases/release.ts";
import { type ReleaseRecord, readRelease, type Strategy } from "@row/laptop/releases/release-record.ts";
import { instancesText } from "@row/laptop/releases/strategies.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command, Option } from "commander";
import { listenForStop } from "../stop-signal.ts";

const STRATEGIES: readonly Strategy[] = ["canary", "blue-green", "rolling"];

interface ReleaseFlags {
  readonly strategy?: Strategy;
  readonly from?: string;
  readonly version?: string;
  readonly back?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function releaseCommand(here: () => Installation): Command {
  return new Command("release")
    .description("have a new version take over from the one that serves, or take the last release back")
    .argument("<service>", "such as catalog")
    .addOption(
      new Option(
        "--strategy <name>",
        "canary: on evidence, as an experiment; blue-green: all calls at once, to as many instances; rolling: instance by instance",
      ).choices(STRATEGIES),
    )
    .option(
      "--from <folder|reference>",
      "the code of another checkout, or of a git branch, tag or commit; else the shop's own",
    )
    .option("--version <name>", "how to call it; the next v-number unless given")
    .option("--back", "bring back what was before the last release")
    .option("--dry-run", "show what would take over from what, or why that is refused, and change nothing")
    .option("--json", "print JSON: the release, and what it is taken back to")
    .addHelpText(
      "after",
      "\nWithout --strategy and --back it tells of the last release. No call is lost on the way, nor on the way back.",
    )
    .action((service: string, flags: ReleaseFlags) => act(here(), service, flags));
}

async function act(installation: Installation, service: string, flags: ReleaseFlags): Promise<void> {
  const { stateDir } = installation;
  const { strategy, from, version, back, json } = flags;
  if (back) {
    if (strategy ?? from ?? version) throw new RowError("Cannot release and take back: leave --back or the rest out");
    const record = await takeBack(stateDir, service);
    return say(record, json, `${record.before.version} of ${service} serves again, ${record.version} is gone`);
  }
  if (strategy === undefined) {
    if (from ?? version) throw new RowError(`Cannot release ${service}: give a --strategy, ${STRATEGIES.join(" or ")}`);
    const record = readRelease(stateDir, service);
    if (record) return say(record, json, described(record));
    return console.log(json ? "null" : `${service} was not released, or that was taken back.`);
  }
  const isFolder = from !== undefined && statSync(from, { throwIfNoEntry: false })?.isDirectory();
  const code = isFolder ? resolve(from) : from;
  const named = { service, ...(version !== undefined && { version }) };
  if (strategy === "canary") {
    const where = code === undefined ? {} : isFolder ? { folder: code } : { gitRef: code };
    return releaseByCanary(installation, { ...named, strategy }, where, flags);
  }
  if (flags.dryRun) {
    const plan = await planRelease(stateDir, { ...named, strategy });
    return say(plan, json, `${planned(plan)}\nNothing is changed: so it would be without --dry-run`);
  }
  const wish = { ...named, strategy, ...(code !== undefined && { from: code }) };
  const report = (says: string) => json || console.log(`  ${says}`);
  const stop = listenForStop(() => report("is called off after this step"));
  const record = await release(stateDir, wish, { signal: stop.signal, report });
  stop.end();
  say(record, json, described(record));
}

/** An experiment that promotes the version, or takes it back itself; what is promoted is a release like the others. */
async function releaseByCanary(
  installation: Installation,
  wish: { readonly service: string; readonly strategy: "canary"; readonly version?: string },
  code: { readonly folder?: string; readonly gitRef?: string },
  { json, dryRun }: Pick<ReleaseFlags, "json" | "dryRun">,
): Promise<void> {
  const { stateDir } = installation;
  const plan = await planRelease(stateDir, wish);
  const [{ runShown }, { releaseExperiment }] = await Promise.all([
    import("./experiment-run.ts"),
    import("../release-experiment.ts"),
  ]);
  const experiment = releaseExperiment(installation, plan, code);
  const ended = await runShown(installation, experiment, { ...(json && { json }), ...(dryRun && { dryRun }) });
  if (ended?.outcome !== "promoted") return;
  const record = releaseDone(stateDir, plan);
  if (!json) console.log(`\n${described(record)}`);
}

function say(record: ReleaseRecord, isJson: boolean | undefined, text: string): void {
  console.log(isJson ? JSON.stringify(record, null, 2) : text);
}

function planned({ service, version, strategy, before }: ReleaseRecord): string {
  const run = before.replicas === 1 ? "runs" : "run";
  return `${service} ${version} would take over from ${before.version}, of which ${instancesText(before.replicas)} ${run} (${strategy})`;
}

function described({ service, version, strategy, before, isDone, startedTime }: ReleaseRecord): string {
  const back = `\`npx row release ${service} --back\``;
  if (!isDone)
    return `A ${strategy} release of ${service} ${version} that began ${startedTime} is under way or was cut off: take it back with ${back}`;
  return `${service} ${version} serves in place of ${before.version} (${strategy}, begun ${startedTime}): take it back with ${back}`;
}
