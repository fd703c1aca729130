/** Releases a version of a service in place of the one that serves, and takes it back. */
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { forgetRelease, type ReleaseRecord, readRelease, type Strategy, writeRelease } from "./release-record.ts";
import { MOVES } from "./strategies.ts";
import { Versions } from "./versions.ts";

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
  const versions = new Versions(stateDir, service);
  const record = await planRelease(stateDir, wish);
  const { version, before } = record;
  writeRelease(stateDir, record);
  const step = (says: string) => {
    if (listeners.signal.aborted) throw new RowError("it was called off");
    listeners.report(says);
  };
  try {
    await MOVES[strategy](versions, { record, step, ...(from !== undefined && { from }) });
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
  const versions = new Versions(stateDir, service);
  const before = await whatServes(versions);
  refuseUnfinished(readRelease(stateDir, service));
  const version = asked ?? (await nextVersion(versions));
  if ((await versions.instances(version)).length > 0 || version === before.version) {
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
  const versions = new Versions(stateDir, service);
  const running = await versions.instances(before.version);
  if (running.length < before.replicas) await versions.scale(before.version, before.replicas);
  await versions.restore(before.splits);
  if ((await versions.instances(version)).length > 0) await versions.undeploy(version);
  forgetRelease(stateDir, service);
  return record;
}

/** The one version that gets calls, and how many of it run. */
async function whatServes(versions: Versions): Promise<ReleaseRecord["before"]> {
  const { service } = versions;
  const splits = await versions.splits();
  const used = new Set(
    splits.flatMap(({ weights }) =>
      weights.filter(({ weight }) => weight > 0 || weights.length === 1).map(({ version }) => version),
    ),
  );
  const [version, ...others] = used;
  if (version === undefined || others.length > 0) {
    const shared = [...used].join(", ") || "no version";
    throw new RowError(
      `Cannot release ${service}: its calls go to ${shared}. Give one version all of them first, with \`npx row split ${service} v1=100\``,
    );
  }
  const replicas = (await versions.instances(version)).length;
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

async function nextVersion(versions: Versions): Promise<string> {
  const numbers = (await versions.instances()).map((one) => Number(/^v(\d+)$/.exec(one.version)?.[1] ?? 0));
  return `v${Math.max(0, ...numbers) + 1}`;
}
