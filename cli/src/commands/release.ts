/** `row release`: a new version of a service takes over, by a named strategy, and is taken back by one command. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { release, takeBack } from "@row/laptop/releases/release.ts";
import { type ReleaseRecord, readRelease, STRATEGIES, type Strategy } from "@row/laptop/releases/release-record.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command, Option } from "commander";

interface ReleaseFlags {
  readonly strategy?: Strategy;
  readonly from?: string;
  readonly version?: string;
  readonly back?: boolean;
  readonly json?: boolean;
}

export function releaseCommand(here: () => Installation): Command {
  return new Command("release")
    .description("have a new version take over from the one that serves, or take the last release back")
    .argument("<service>", "such as catalog")
    .addOption(
      new Option(
        "--strategy <name>",
        "blue-green: all calls at once, to as many instances; rolling: instance by instance",
      ).choices(STRATEGIES),
    )
    .option(
      "--from <folder|reference>",
      "the code of another checkout, or of a git branch, tag or commit; else the shop's own",
    )
    .option("--version <name>", "how to call it; the next v-number unless given")
    .option("--back", "bring back what was before the last release")
    .option("--json", "print JSON: the release, and what it is taken back to")
    .addHelpText(
      "after",
      "\nWithout --strategy and --back it tells of the last release. No call is lost on the way, nor on the way back.",
    )
    .action((service: string, flags: ReleaseFlags) => act(here(), service, flags));
}

async function act({ stateDir }: Installation, service: string, flags: ReleaseFlags): Promise<void> {
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
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  const isFolder = from !== undefined && statSync(from, { throwIfNoEntry: false })?.isDirectory();
  const wish = {
    service,
    strategy,
    ...(version !== undefined && { version }),
    ...(from !== undefined && { from: isFolder ? resolve(from) : from }),
  };
  const report = (says: string) => json || console.log(`  ${says}`);
  const record = await release(stateDir, wish, { signal: stop.signal, report });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
  say(record, json, described(record));
}

function say(record: ReleaseRecord, isJson: boolean | undefined, text: string): void {
  console.log(isJson ? JSON.stringify(record, null, 2) : text);
}

function described({ service, version, strategy, before, isDone, startedTime }: ReleaseRecord): string {
  const back = `\`npx row release ${service} --back\``;
  if (!isDone)
    return `A ${strategy} release of ${service} ${version} that began ${startedTime} is under way or was cut off: take it back with ${back}`;
  return `${service} ${version} serves in place of ${before.version} (${strategy}, begun ${startedTime}): take it back with ${back}`;
}
