/** How a load is shown: a line a second, and a summary. */
import type { Counts, LoadSecond, LoadSummary, VersionCount } from "@row/load/load-counts.ts";
import type { LoadWish } from "@row/load/load-job.ts";
import { bad, good, heading, versioned, warning } from "./colours.ts";
import { duration } from "./durations.ts";
import { table } from "./table.ts";

/** "mixed at 20/s for 60 s on 32 connections, seed 4711" */
export function wishLine({ mix, rate, seconds, connections, seed, spacing }: LoadWish): string {
  const evenly = spacing === "uniform" ? ", evenly spaced" : "";
  return `${mix} at ${rate}/s for ${seconds} s on ${connections} connections${evenly}, seed ${seed}`;
}

export function secondLine({ second, requests, ok, failed, p50, p99, versions, backlog }: LoadSecond): string {
  const parts = [
    `${second} s`.padStart(6),
    `${requests}/s`.padStart(6),
    `${ok} ok`.padStart(8),
    failureText(failed).padStart(9),
    `p50 ${ms(p50)}`.padEnd(11),
    `p99 ${ms(p99)}`.padEnd(11),
    versionsText(versions),
    backlog.waiting > 0 ? warning(`${backlog.waiting} wait for a connection`) : "",
  ];
  return parts.join("  ").trimEnd();
}

export function renderSummary({ kinds, due, seconds, perSecond, isCutShort, ...total }: LoadSummary): string {
  const rows = [...Object.entries(kinds).sort(([, a], [, b]) => b.requests - a.requests), ["all", total] as const];
  return [
    "",
    ...table([
      ["REQUEST", "COUNT", "FAILED", "P50", "P90", "P99", "LONGEST"].map(heading),
      ...rows.map(([kind, counts]) => columns(kind, counts)),
    ]),
    "",
    `${due} were due in ${seconds.toFixed(1)} s${isCutShort ? ", ended before its time" : ""}; ${perSecond.toFixed(1)} a second were answered well`,
    `Answers   ${Object.entries(total.statuses)
      .map(([status, count]) => `${status} ×${count}`)
      .join("  ")}`,
    `Versions  ${Object.entries(total.versions).map(versionText).join("  ")}`,
    backlogLine(total),
  ].join("\n");
}

function columns(kind: string, { requests, failed, p50, p90, p99, longest }: Counts): string[] {
  return [kind, String(requests), failureCount(failed), ...[p50, p90, p99, longest].map(ms)];
}

/** What a load says of itself: when it could not send what was due, its figures are not those of its rate. */
function backlogLine({ backlog: { late, longestMs } }: Counts): string {
  if (late === 0)
    return good(`Every request left within a second of when it was due, the latest after ${longestMs} ms`);
  return bad(
    `${late} requests left more than a second after they were due, the latest after ${longestMs} ms: this is more than the shop, these connections or this machine can do`,
  );
}

/** Only services of which several versions answered: a split shows. */
function versionsText(versions: Readonly<Record<string, VersionCount>>): string {
  const byService = Map.groupBy(Object.entries(versions), ([name]) => name.split("/")[0]);
  const split = [...byService.values()].filter((list) => list.length > 1).flat();
  return split.map(versionText).join("  ");
}

function versionText([name, { requests, failed }]: [string, VersionCount]): string {
  const failures = failed > 0 ? ` (${bad(`${failed} failed`)})` : "";
  return `${versioned(name.replace("/", "-"))} ${requests}${failures}`;
}

function failureText(failed: number): string {
  const text = `${failed} failed`;
  return failed > 0 ? bad(text) : text;
}

function failureCount(failed: number): string {
  return failed > 0 ? bad(String(failed)) : "0";
}

function ms(milliseconds: number): string {
  return milliseconds === 0 ? "-" : duration(milliseconds * 1_000);
}
