/** Releases a version of a service in place of the one that serves, and takes it back. */
import type { Standing } from "@row/mesh/experiments/run/run-plan.ts";
import { versionsIn } from "@row/mesh/policy/traffic-split.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { askOf } from "../sidecars/ask-change.ts";
import { movesThrough } from "../sidecars/moves.ts";
import { standingOf } from "../sidecars/standing.ts";
import { forgetRelease, type ReleaseRecord, readRelease, type Strategy, writeRelease } from "./release-record.ts";
import { MOVES } from "./strategies.ts";

export interface ReleaseWish {
  readonly service: string;
  readonly strategy: Strategy;
  /** The next v-number that is free unless given. */
  readonly version?: string;
  /** A folder with another checkout, or a git reference; the shop's own code unless given. */
  readonly from?: string;
}

export interface Listeners {
  /** Takes it back after the step that is under way. */
  readonly signal: AbortSignal;
  readonly report: (says: string) => void;
}

/** Throws RowError where it cannot begin; and where a step fails or somebody calls it off, after all is as it was. */
export async function release(
  stateDir: string,
  wish: ReleaseWish & { readonly strategy: keyof typeof MOVES },
  listeners: Listeners,
): Promise<ReleaseRecord> {
  const { service, strategy, from } = wish;
  const record = await planRelease(stateDir, wish);
  const { version, before } = record;
  writeRelease(stateDir, record);
  const step = (says: string) => {
    if (listeners.signal.aborted) throw new RowError("it was called off");
    listeners.report(says);
  };
  try {
    await MOVES[strategy](stateDir, { record, step, ...(from !== undefined && { from }) });
  } catch (error) {
    listeners.report(`taking it back: ${messageOf(error)}`);
    await takeBack(stateDir, service);
    throw new RowError(
      `${service} ${version} is not released, ${before.version} serves as before: ${messageOf(error)}`,
    );
  }
  return releaseDone(stateDir, record);
}

/** What a release would be, and be taken back to. Throws RowError where it cannot begin; nothing is touched. */
export async function planRelease(
  stateDir: string,
  { service, strategy, version: asked }: ReleaseWish,
): Promise<ReleaseRecord> {
  const standing = await standingOf(askOf(stateDir), service);
  const before = whatServes(service, standing);
  refuseUnfinished(readRelease(stateDir, service));
  const version = asked ?? nextVersion(standing);
  if (standing.deployments.some((deployed) => deployed.version === version)) {
    throw new RowError(
      `Cannot release ${service} ${version}: it runs already. Name another with --version, or share the calls yourself with \`npx row split ${service}\``,
    );
  }
  return { service, strategy, startedTime: new Date().toISOString(), isDone: false, version, before };
}

/** The version serves: from here on the release can be taken back. */
export function releaseDone(stateDir: string, record: ReleaseRecord): ReleaseRecord {
  const done = { ...record, isDone: true };
  writeRelease(stateDir, done);
  return done;
}

/** Brings back what was before the last release of a service, at once: instances first, then calls, then the version goes. */
export async function takeBack(stateDir: string, service: string): Promise<ReleaseRecord> {
  const record = readRelease(stateDir, service);
  if (!record) {
    throw new RowError(
      `Cannot take back a release of ${service}: there is none. See how its calls are shared with \`npx row split ${service}\``,
    );
  }
  const { version, before } = record;
  const ask = askOf(stateDir);
  const { restore, undeploy } = movesThrough(ask);
  const { deployments } = await ask("deployments", { service });
  const old = deployments.find((deployed) => deployed.version === before.version);
  if ((old?.replicas ?? 0) < before.replicas) {
    await ask("scale", { service, version: before.version, replicas: before.replicas });
  }
  await restore(service, before.splits);
  await undeploy(service, version);
  forgetRelease(stateDir, service);
  return record;
}

/** The one version that gets calls, and how many of it there are. */
function whatServes(service: string, { deployments, splits }: Standing): ReleaseRecord["before"] {
  const used = versionsIn(splits);
  const [version, ...others] = used;
  if (version === undefined || others.length > 0) {
    const shared = used.join(", ") || "no version";
    throw new RowError(
      `Cannot release ${service}: its calls go to ${shared}. Give one version all of them first, with \`npx row split ${service} v1=100\``,
    );
  }
  const replicas = deployments.find((deployed) => deployed.version === version)?.replicas ?? 0;
  if (replicas === 0) {
    throw new RowError(
      `Cannot release ${service}: no instance of ${version} runs. Start some with \`npx row scale ${service} --version ${version} --replicas 1\``,
    );
  }
  return { version, replicas, splits };
}

function refuseUnfinished(record: ReleaseRecord | undefined): void {
  if (!record || record.isDone) return;
  throw new RowError(
    `Cannot release ${record.service}: a release of ${record.version} that began ${record.startedTime} is under way or was cut off. Take it back with \`npx row release ${record.service} --back\``,
  );
}

function nextVersion({ deployments }: Standing): string {
  const numbers = deployments.map(({ version }) => Number(/^v(\d+)$/.exec(version)?.[1] ?? 0));
  return `v${Math.max(0, ...numbers) + 1}`;
}
