import type { SupervisedProcess } from "../supervisor/supervised-process.ts";
import type { Instance } from "./instance.ts";
import type { Sidecar } from "./sidecar.ts";

/** A running instance. */
export interface RunningInstance {
  readonly instance: Instance;
  readonly sidecar: Sidecar;
  /** Once it was started. */
  app?: SupervisedProcess;
  /** It gets no new calls: until it has been started anew, or any more. */
  leaving?: "for a moment" | "for good";
  /** How many readiness probes in a row it has failed. */
  failedProbes: number;
}

const PROBE_EVERY_MS = 1_000;
/** As many as a kubelet waits for: one that is slow for a moment is not out of order. */
const FAILED_PROBES = 3;

/** The instances that run, and which of them may be called now. */
export class Instances {
  readonly #byInstance = new Map<string, RunningInstance>();
  #probes: NodeJS.Timeout | undefined;

  get all(): RunningInstance[] {
    return [...this.#byInstance.values()];
  }

  of(service: string, version?: string): RunningInstance[] {
    return this.all.filter(
      ({ instance: { deployment } }) =>
        deployment.service === service && (version === undefined || deployment.version === version),
    );
  }

  has(instance: string): boolean {
    return this.#byInstance.has(instance);
  }

  /** Of which service an instance is; empty for one that is gone. */
  serviceOf(instance: string): string {
    return this.#byInstance.get(instance)?.instance.service.name ?? "";
  }

  /** The one whose app a process is. */
  withApp(process: SupervisedProcess): RunningInstance | undefined {
    return this.all.find(({ app }) => app === process);
  }

  /** The one whose sidecar a process is. */
  withSidecar(process: SupervisedProcess): RunningInstance | undefined {
    return this.all.find(({ sidecar }) => sidecar.process === process);
  }

  add(member: RunningInstance): void {
    this.#byInstance.set(member.instance.workload.instance, member);
  }

  delete({ instance }: RunningInstance): void {
    this.#byInstance.delete(instance.workload.instance);
  }

  isReady(instance: string): boolean {
    const member = this.#byInstance.get(instance);
    if (!member || member.leaving) return false;
    const isUp = member.app?.state === "ready" && member.sidecar.process.state === "ready";
    return isUp && member.failedProbes < FAILED_PROBES;
  }

  /** An app that serves anew: what held before it was started does no longer, unless it goes for good. */
  markReady(member: RunningInstance): void {
    member.failedProbes = 0;
    if (member.leaving === "for a moment") delete member.leaving;
  }

  /** Asks every app from time to time whether it serves. @param changed told when another one may be called, or may not */
  startProbing(changed: () => void): void {
    const probe = async () => {
      const changes = await Promise.all(this.all.map(probeOnce));
      if (changes.includes(true)) changed();
    };
    this.#probes = setInterval(() => void probe(), PROBE_EVERY_MS).unref();
  }

  stopProbing(): void {
    clearInterval(this.#probes);
  }
}

/** Answers whether the member counts as ready now and did not before, or the other way round. */
async function probeOnce(member: RunningInstance): Promise<boolean> {
  const { app, failedProbes } = member;
  if (app?.state !== "ready") return false;
  member.failedProbes = (await app.spec.isReady().catch(() => false)) ? 0 : failedProbes + 1;
  return member.failedProbes === FAILED_PROBES || (member.failedProbes === 0 && failedProbes >= FAILED_PROBES);
}
