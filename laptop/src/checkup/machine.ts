/** Whether the machine gives a shop what it needs: room on its disks, a clock that goes forward, a receive buffer. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { RECEIVE_BUFFER_BYTES } from "@row/mesh/observer/line-receiver.ts";
import type { Installation } from "../installation.ts";
import { postgresHome } from "../stores/postgres-home.ts";
import { bad, type Finding, good, warning } from "./finding.ts";

const MIB = 1024 * 1024;
/** Postgres, JetStream and logs take some 300 MiB before there is a first order. */
const LITTLE_BYTES = 2_048 * MIB;
const TOO_LITTLE_BYTES = 512 * MIB;
/** Clocks are set back a little now and then. */
const SET_BACK_MS = 60_000;
const PATIENCE_MS = 2_000;

export function checkMachine({ root, stateDir }: Installation): Finding[] {
  const folders = new Set([stateDir, postgresHome(stateDir).folder].map(whatIsThere));
  return [
    ...[...folders].map((folder) => roomFinding(folder, freeBytes(folder))),
    clockFinding(lastWritten(root, stateDir), new Date(), isSynchronized()),
    ...bufferFinding("/proc/sys/net/core/rmem_max"),
  ];
}

export function roomFinding(folder: string, bytes: number): Finding {
  const says = `${bytes < 10_240 * MIB ? `${Math.floor(bytes / MIB)} MiB` : `${Math.floor(bytes / MIB / 1_024)} GiB`} are free in ${folder}`;
  if (bytes >= LITTLE_BYTES) return good("disk", says);
  const advice = "make room there, or keep the state elsewhere with ROW_STATE_DIR";
  return bytes < TOO_LITTLE_BYTES ? bad("disk", says, advice) : warning("disk", says, advice);
}

/** @param isSynchronized undefined where nobody can say */
export function clockFinding(written: Date, now: Date, isSynchronized: boolean | undefined): Finding {
  const advice = "set it, or let it be set: `timedatectl set-ntp true`";
  const behindMs = written.getTime() - now.getTime();
  if (behindMs > SET_BACK_MS) {
    const seconds = Math.round(behindMs / 1_000);
    return bad("clock", `is ${seconds} s behind what was written last, at ${written.toISOString()}`, advice);
  }
  if (isSynchronized === false) return warning("clock", "is not set by a time server", advice);
  return good("clock", `goes forward${isSynchronized ? ", set by a time server" : ""}`);
}

/** Nothing where there is no such setting, as outside of Linux. */
export function bufferFinding(file: string): Finding[] {
  if (!existsSync(file)) return [];
  const bytes = Number(readFileSync(file, "utf8"));
  if (bytes >= RECEIVE_BUFFER_BYTES) return [good("net.core.rmem_max", `${bytes} bytes`)];
  return [
    warning(
      "net.core.rmem_max",
      `${bytes} bytes: bursts of request lines may be lost, which \`npx row stat\` would tell`,
      `run \`sudo sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_BYTES}\``,
    ),
  ];
}

/** The folder itself, or the nearest above it that is there. */
function whatIsThere(folder: string): string {
  return existsSync(folder) ? folder : whatIsThere(dirname(folder));
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** When a file of the shop was last written, as the clock of that time had it. */
function lastWritten(root: string, stateDir: string): Date {
  const folders = [stateDir, join(stateDir, "logs"), join(stateDir, "mesh/identity")].filter((one) => existsSync(one));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const times = [root, ...files].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return new Date(Math.max(...times));
}

function isSynchronized(): boolean | undefined {
  const asked = ["show", "--property=NTPSynchronized", "--value"];
  const { status, stdout } = spawnSync("timedatectl", asked, { encoding: "utf8", timeout: PATIENCE_MS });
  return status === 0 && /^(yes|no)$/.test(stdout.trim()) ? stdout.trim() === "yes" : undefined;
}
