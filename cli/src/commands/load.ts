/** `row load`: people at the shop, as many as wanted, here or beside the shop's own processes. */
import { randomInt } from "node:crypto";
import type { Installation } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { loadFile } from "@row/laptop/shop/detached-load.ts";
import { loadJobOf } from "@row/laptop/shop/load-job.ts";
import { askLoad, askLoadStop, askStatus, NotRunning } from "@row/laptop/supervisor/control-client.ts";
import type { LoadSummary } from "@row/load/load-counts.ts";
import type { LoadJob, LoadWish } from "@row/load/load-job.ts";
import { type LoadProgress, readProgress } from "@row/load/load-progress.ts";
import { isMix, MIXES } from "@row/load/mixes.ts";
import { runLoad } from "@row/load/run-load.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { renderSummary, secondLine, wishLine } from "../load-lines.ts";
import { wholeNumber } from "../whole-number.ts";

const MOST_PER_SECOND = 5_000;
/** The shop lets an address have no more than half of its 3,000. */
const MOST_CONNECTIONS = 1_000;
const LONGEST_SECONDS = 86_400;

interface LoadFlags {
  mix: string;
  rate: string;
  for: string;
  connections: string;
  seed?: string;
  uniform?: boolean;
  json?: boolean;
  detach?: boolean;
}

export function loadCommand(here: () => Installation): Command {
  const load = new Command("load")
    .description("send people to the shop: requests leave when they are due, however long the answers take")
    .option("--mix <name>", `what they do: ${Object.keys(MIXES).join(", ")}`, "mixed")
    .option("--rate <number>", "how many requests a second", "20")
    .option("--for <time>", "how long: 30s, 5m, 2h", "1m")
    .option("--connections <number>", "how many requests are under way at once; others wait", "32")
    .option("--seed <number>", "repeat the arrival times, calls and products of an earlier load")
    .option("--uniform", "space arrivals evenly, instead of as people come")
    .option("--json", "print a line of JSON a second, and the summary as the last")
    .option("-d, --detach", "leave it to the shop, which shows it in `npx row status` and ends it in `npx row down`")
    .addHelpText(
      "after",
      "\nLatencies count from when a request was due, so that a shop which stands still cannot hide it. Mixes that order have the\nmerchant deliver enough to sell first. Customers are alice and bob.",
    )
    .action((flags: LoadFlags) => start(here(), flags));
  load
    .command("status")
    .description("show the load that the shop makes on itself, or what came of the last one")
    // The same word as above, where commander would look for it first.
    .option("--json", "print JSON")
    .action((_, command: Command) => status(here(), command.optsWithGlobals()));
  load
    .command("stop")
    .description("end the load that the shop makes on itself, and show what came of it")
    .action(() => stop(here()));
  return load;
}

async function start(installation: Installation, flags: LoadFlags): Promise<void> {
  const { stateDir } = installation;
  const wish = wishOf(flags);
  const { processes } = await askStatus(stateDir);
  const edge = processes.find(({ name }) => name === "edge")?.addresses.http;
  if (!edge) throw new RowError("Cannot load the shop: it runs without an edge");
  if (flags.detach) {
    await askLoad(stateDir, wish);
    console.log(`The shop is loaded: ${wishLine(wish)}`);
    console.log("See how it goes with `npx row load status`, end it with `npx row load stop`");
    return;
  }
  const job = loadJobOf(wish, edge, new Secrets(stateDir));
  const summary = await runHere(job, flags.json ?? false);
  console.log(flags.json ? JSON.stringify({ summary }) : renderSummary(summary));
}

async function runHere(job: LoadJob, isJson: boolean): Promise<LoadSummary> {
  const stop = new AbortController();
  const onSignal = () => {
    // Who asks twice does not want to wait for what is under way.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  try {
    if (!isJson) console.log(wishLine(job));
    return await runLoad(job, {
      signal: stop.signal,
      onSecond: (second) => console.log(isJson ? JSON.stringify(second) : secondLine(second)),
    });
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
  }
}

async function status(installation: Installation, { json }: { json?: boolean }): Promise<void> {
  const progress = lastLoad(installation);
  const isRunning = await runsNow(installation);
  if (json) return console.log(JSON.stringify({ isRunning, ...progress }, null, 2));
  if (!progress) return console.log("No load has run here: start one with `npx row load --detach`");
  console.log(render(progress, isRunning));
}

async function stop(installation: Installation): Promise<void> {
  if (!(await askLoadStop(installation.stateDir))) return console.log("No load runs.");
  const progress = lastLoad(installation);
  console.log(progress ? render(progress, false) : "The load is ended.");
}

function lastLoad({ stateDir }: Installation): LoadProgress | undefined {
  return readProgress(loadFile(stateDir));
}

async function runsNow({ stateDir }: Installation): Promise<boolean> {
  try {
    return (await askStatus(stateDir)).processes.some(({ name }) => name === "load");
  } catch (error) {
    if (error instanceof NotRunning) return false;
    throw error;
  }
}

function render({ wish, startedTime, second, summary }: LoadProgress, isRunning: boolean): string {
  const begun = `${wishLine(wish)}, begun ${startedTime}`;
  if (summary) return `${begun}\n${renderSummary(summary)}`;
  if (!isRunning)
    return `${begun}\nIt ended before its time, without a summary: see the log of load with \`npx row logs load\``;
  return second ? `${begun}\n${secondLine(second)}` : begun;
}

function wishOf({ mix, rate, connections, seed, uniform, ...flags }: LoadFlags): LoadWish {
  if (!isMix(mix))
    throw new RowError(`Cannot load the shop with --mix ${mix}: there are ${Object.keys(MIXES).join(", ")}`);
  return {
    mix,
    rate: number("--rate", rate, MOST_PER_SECOND),
    seconds: secondsOf(flags.for),
    spacing: uniform ? "uniform" : "poisson",
    seed: seed === undefined ? randomInt(1, 1_000_000) : wholeNumber("load the shop", "--seed", seed, 2 ** 32 - 1),
    connections: wholeNumber("load the shop", "--connections", connections, MOST_CONNECTIONS),
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

function secondsOf(text: string): number {
  const [, count, unit = "s"] = /^(\d+(?:\.\d+)?)([smh])?$/.exec(text) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? 0);
  if (seconds > 0 && seconds <= LONGEST_SECONDS) return seconds;
  throw new RowError(`Cannot load the shop with --for ${text}: write 30s, 5m or 2h, at most 24h`);
}

function number(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= most) return value;
  throw new RowError(`Cannot load the shop with ${flag} ${text}: give a number above 0, at most ${most}`);
}
