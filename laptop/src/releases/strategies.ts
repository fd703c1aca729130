/** How a version takes over from another: all at once, or instance by instance. Neither loses a call. */
import { setTimeout as sleep } from "node:timers/promises";
import { RowError } from "@row/topology/row-error.ts";
import type { ReleaseRecord } from "./release-record.ts";
import type { Versions } from "./versions.ts";

/** One of them: `report` hears what has been done, `step` throws where somebody has called it off. */
type Move = (versions: Versions, wish: Wish) => Promise<void>;

export interface Wish {
  readonly record: ReleaseRecord;
  readonly from?: string;
  /** Before each thing that is done. Throws where somebody has called it off. */
  readonly step: (says: string) => void;
}

export const MOVES = { "blue-green": blueGreen, rolling } as const satisfies Readonly<Record<string, Move>>;

/** As many new instances as there are old ones stand beside them first; once they have proved well, all calls go to them. */
async function blueGreen(versions: Versions, { record, from, step }: Wish): Promise<void> {
  const { version, before } = record;
  step(`starting ${count(before.replicas)} of ${version} beside ${before.version}`);
  await versions.deploy(version, { ...(from !== undefined && { from }), replicas: before.replicas });
  step(`looking whether ${version} stays well`);
  await staysWell(versions, version);
  step(`giving ${version} all calls`);
  await versions.share({ [before.version]: 0, [version]: 100 });
}

/** A new instance comes, takes its part of the calls, and an old one goes, until none is left. */
async function rolling(versions: Versions, { record, from, step }: Wish): Promise<void> {
  const { version, before } = record;
  for (let come = 1; come <= before.replicas; come += 1) {
    const left = before.replicas - come;
    step(`${come} of ${before.replicas}: starting one of ${version}`);
    if (come === 1) await versions.deploy(version, { ...(from !== undefined && { from }), replicas: 1 });
    else await versions.scale(version, come);
    await staysWell(versions, version);
    step(`${come} of ${before.replicas}: ending one of ${before.version}`);
    await versions.share({ [before.version]: left, [version]: come });
    await versions.scale(before.version, left);
  }
}

/** Who starts and falls over a moment later is to be noticed before calls depend on it. */
const WATCHED_MS = 2_000;
const EVERY_MS = 250;

async function staysWell(versions: Versions, version: string): Promise<void> {
  const until = performance.now() + WATCHED_MS;
  while (performance.now() < until) {
    const instances = await versions.instances(version);
    const ill = instances.find(({ state, restarts }) => state !== "ready" || restarts > 0);
    if (ill || instances.length === 0) {
      const why = ill ? `${ill.instance} is ${ill.state}, started again ${ill.restarts} times` : "none of it runs";
      throw new RowError(
        `Cannot release ${versions.service} ${version}: ${why}; see \`npx row logs ${versions.service}\``,
      );
    }
    await sleep(EVERY_MS);
  }
}

function count(replicas: number): string {
  return replicas === 1 ? "one instance" : `${replicas} instances`;
}
