/** How a version takes over from another: all at once, or instance by instance. Neither loses a call. */
import { setTimeout as sleep } from "node:timers/promises";
import { RowError } from "@row/topology/row-error.ts";
import { askOf } from "../sidecars/ask-change.ts";
import { movesThrough } from "../sidecars/moves.ts";
import { askStatus } from "../supervisor/control-client.ts";
import type { ReleaseRecord } from "./release-record.ts";

type Move = (stateDir: string, wish: Wish) => Promise<void>;

export interface Wish {
  readonly record: ReleaseRecord;
  readonly from?: string;
  /** Before each thing that is done. Throws where somebody has called it off. */
  readonly step: (says: string) => void;
}

export const MOVES = { "blue-green": blueGreen, rolling } as const satisfies Readonly<Record<string, Move>>;

/** As many new instances as there are old ones stand beside them first; once they have proved well, all calls go to them. */
async function blueGreen(stateDir: string, { record, from, step }: Wish): Promise<void> {
  const { service, version, before } = record;
  const { deploy, weigh } = movesThrough(askOf(stateDir));
  step(`starting ${instancesText(before.replicas)} of ${version} beside ${before.version}`);
  await deploy({ service, version, replicas: before.replicas, ...(from !== undefined && { from }) });
  step(`looking whether ${version} stays well`);
  await staysWell(stateDir, record);
  step(`giving ${version} all calls`);
  await weigh(service, { [before.version]: 0, [version]: 100 });
}

/** A new instance comes, takes its part of the calls, and an old one goes, until none is left. */
async function rolling(stateDir: string, { record, from, step }: Wish): Promise<void> {
  const { service, version, before } = record;
  const ask = askOf(stateDir);
  const { deploy, weigh } = movesThrough(ask);
  for (let come = 1; come <= before.replicas; come += 1) {
    const left = before.replicas - come;
    step(`${come} of ${before.replicas}: starting one of ${version}`);
    if (come === 1) await deploy({ service, version, replicas: 1, ...(from !== undefined && { from }) });
    else await ask("scale", { service, version, replicas: come });
    await staysWell(stateDir, record);
    step(`${come} of ${before.replicas}: ending one of ${before.version}`);
    await weigh(service, { [before.version]: left, [version]: come });
    await ask("scale", { service, version: before.version, replicas: left });
  }
}

/** Who starts and falls over a moment later is to be noticed before calls depend on it. */
const WATCHED_MS = 2_000;
const EVERY_MS = 250;

async function staysWell(stateDir: string, { service, version }: ReleaseRecord): Promise<void> {
  const until = performance.now() + WATCHED_MS;
  while (performance.now() < until) {
    const { processes } = await askStatus(stateDir);
    const instances = processes.filter((one) => one.name === service && one.version === version);
    const ill = instances.find(({ state, restarts }) => state !== "ready" || restarts > 0);
    if (ill || instances.length === 0) {
      const why = ill ? `${ill.instance} is ${ill.state}, started again ${ill.restarts} times` : "none of it runs";
      throw new RowError(`Cannot release ${service} ${version}: ${why}; see \`npx row logs ${service}\``);
    }
    await sleep(EVERY_MS);
  }
}

export function instancesText(replicas: number): string {
  return replicas === 1 ? "one instance" : `${replicas} instances`;
}
