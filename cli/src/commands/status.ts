/** `row status`: every process, and the work that waits. */
import { isRunning, openRuns } from "@row/laptop/experiments/runs.ts";
import type { Installation } from "@row/laptop/installation.ts";
import type { ProcessStatus, ShopStatus } from "@row/laptop/shop/shop-status.ts";
import type { InjectedVersion } from "@row/laptop/sidecars/behaviours.ts";
import { askStatus, NotRunning } from "@row/laptop/supervisor/control-client.ts";
import { leftoversOf, type RecordedProcess } from "@row/laptop/supervisor/run-record.ts";
import { doing } from "@row/mesh/experiments/run/phase.ts";
import type { RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import { MOST_COUNTED } from "@row/runtime/database/counting.ts";
import { Command } from "commander";
import { bad, good, heading, versioned, warning } from "../colours.ts";
import { table } from "../table.ts";
import { sentence, terminalWidth, widthOf } from "../terminal.ts";
import { partitionText } from "./partition.ts";

export function statusCommand(here: () => Installation): Command {
  return new Command("status")
    .description("show every process and the work that waits; exit status 1 when nothing runs")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => status(here(), options));
}

export async function status(installation: Installation, { json }: { json?: boolean }): Promise<void> {
  const shop = await askStatus(installation.stateDir).catch((error) => {
    if (error instanceof NotRunning) return notRunning(installation);
    throw error;
  });
  if (!shop.running) process.exitCode = 1;
  const experiments = openRuns(installation.stateDir);
  if (json) return console.log(JSON.stringify({ ...shop, ...(experiments.length > 0 && { experiments }) }, null, 2));
  console.log([render(shop), ...experiments.map(experimentText)].join("\n"));
}

function experimentText(record: RunRecord): string {
  const { run, arms, phase } = record;
  const about = `\nExperiment    ${run} on ${arms.service}`;
  if (isRunning(record)) return `${about}: it ${doing(phase)}`;
  return `${about}: ${warning("its runner was killed")}; see \`npx row experiment status\``;
}

function notRunning({ stateDir, portBase }: Installation): ShopStatus {
  const processes = leftoversOf(stateDir).map(leftover);
  const state = processes.length > 0 ? "unsupervised" : "stopped";
  const problems = processes.length > 0 ? ["the supervisor has ended: nothing starts again what dies"] : [];
  return { running: false, state, stateDir, portBase, processes, problems, backlogs: null };
}

/** What the record of an earlier run tells of a process. */
function leftover({ name: instance, pid }: RecordedProcess): ProcessStatus {
  const [, name = instance, version = "-"] = /^(.+?)-(v\d+(?:-[a-z0-9-]+)?)-\d+/.exec(instance) ?? [];
  return { name, version, instance, pid, state: "unsupervised", restarts: 0, addresses: {} };
}

/** @param width of the terminal, in characters */
export function render(shop: ShopStatus, width = terminalWidth()): string {
  const say = (text: string, indent?: string) => sentence(text, width, indent);
  if (shop.state === "stopped") return 'The shop is not running: start it with "npm start"';
  const lines =
    shop.state === "unsupervised"
      ? [
          say(
            `The shop runs without its supervisor, which has ended: ${shop.processes.length} processes go on, and nothing starts again what dies.`,
          ),
          say(
            '"npm start" stops them in order and starts the shop anew, `npx row down` stops them; nothing is lost either way.',
          ),
          "",
        ]
      : [say(`The shop is ${stateText(shop.state)} (pid ${shop.pid}, since ${shop.startedTime})`), ""];
  lines.push(...processTable(shop.processes, width));
  const listed = (items: readonly string[]) => items.map((item) => say(item, "    "));
  if (shop.state === "degraded") lines.push("", bad("Degraded:"), ...listed(shop.problems.map((one) => `  ${one}`)));
  const injected = [...(shop.injected ?? []).map(injectedText), ...(shop.partitions ?? []).map(partitionText)];
  if (injected.length > 0) lines.push("", warning("Injected on purpose:"), ...listed(injected));
  if (!shop.backlogs) return lines.join("\n");
  const { outbox, sagas, deadLetters } = shop.backlogs;
  const waiting = Object.entries(outbox).map(([database, count]) => `${database} ${counted(count)}`);
  lines.push("", ...table([["Outbox      ", waiting.join("  ") || "none"]], width));
  if (sagas) lines.push(`Sagas         ${counted(sagas.unfinished)} unfinished, ${counted(sagas.stuck)} stuck`);
  lines.push(`Dead letters  ${deadLetters ?? "?"}`);
  return lines.join("\n");
}

/** Where lines are short, an instance says which service and version it is. */
function processTable(processes: readonly ProcessStatus[], width: number): string[] {
  const rows = [HEADINGS.map(heading), ...[...processes].sort(byName).map(columns)];
  const lines = table(rows, Number.POSITIVE_INFINITY);
  if (lines.every((line) => widthOf(line) <= width)) return lines;
  return table(
    rows.map((row) => row.slice(2)),
    width,
  );
}

const HEADINGS = ["NAME", "VERSION", "INSTANCE", "PID", "STATE", "RESTARTS", "SIDECAR", "ADDRESSES"];

/** "catalog v2: errors=20%, until 2026-11-30T12:00:00.000Z" */
export function injectedText({ service, version, behaviours, until }: InjectedVersion): string {
  return `  ${service} ${version}: ${behaviours.join(" ")}${until ? `, until ${until}` : ""}`;
}

function counted(count: number | null): string {
  return count === null ? "?" : count < MOST_COUNTED ? String(count) : `${MOST_COUNTED} or more`;
}

function columns({ name, version, instance, pid, state, restarts, sidecar, addresses }: ProcessStatus): string[] {
  const where = Object.entries(addresses).map(([kind, address]) => `${kind} ${address}`);
  return [
    name,
    versioned(version),
    instance,
    String(pid ?? "-"),
    stateText(state),
    String(restarts),
    describe(sidecar),
    where.join("  "),
  ];
}

function stateText(state: string): string {
  if (state === "ready") return good(state);
  return state === "starting" || state === "stopping" ? warning(state) : bad(state);
}

// A service's instances together, v1 first.
function byName(a: ProcessStatus, b: ProcessStatus): number {
  return a.name.localeCompare(b.name) || a.instance.localeCompare(b.instance, undefined, { numeric: true });
}

function describe(sidecar: ProcessStatus["sidecar"]): string {
  if (!sidecar) return "-";
  const { state, pid, restarts } = sidecar;
  return `${stateText(state)} ${pid ?? ""}${restarts > 0 ? `, restarted ${restarts}x` : ""}`;
}
