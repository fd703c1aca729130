/** Does to a shop what was planned, and notes when each thing was under way. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Shop } from "@row/laptop/shop/shop.ts";
import type { Disturbance, DisturbancePlan } from "./disturbance-plan.ts";
import type { Happening } from "./verdict.ts";

const POLL_MS = 5;
const LOOK_AT_CERTIFICATES_MS = 200;

export class Disturbing {
  readonly happenings: Happening[] = [];
  readonly #shop: Shop;
  readonly #report: (line: string) => void;
  readonly #certificates: string;
  readonly #startAt: number;

  /** @param startAt what the plan counts from, in milliseconds since the epoch */
  constructor(shop: Shop, startAt: number, report: (line: string) => void) {
    this.#shop = shop;
    this.#startAt = startAt;
    this.#report = report;
    this.#certificates = join(shop.installation.stateDir, "mesh/identity");
  }

  /** The instances that have a certificate. */
  get carriers(): string[] {
    return readdirSync(this.#certificates)
      .filter((name) => /-\d+\.pem$/.test(name))
      .map((name) => name.slice(0, -".pem".length));
  }

  /** Resolves when everything is over, and all that was taken away is back. */
  async run(plan: DisturbancePlan): Promise<void> {
    await sleep(this.#startAt - now());
    const watching = new AbortController();
    const watched = this.#watchCertificates(watching.signal);
    await Promise.all([this.#changeWeights(plan.weights), ...plan.disturbances.map((one) => this.#disturb(one))]);
    watching.abort();
    await watched;
  }

  async #disturb(disturbance: Disturbance): Promise<void> {
    const { atMs, kind, service } = disturbance;
    await sleep(this.#startAt + atMs - now());
    const what = kind === "kill" ? `kill ${disturbance.process}` : `${kind} ${service}`;
    this.#report(`${(atMs / 1_000).toFixed(1)} s: ${what}`);
    await this.#note({ what, kind, service }, () => {
      if (disturbance.kind === "kill") return this.#kill(disturbance.process);
      return this.#shop.meshControl.scale({ service, version: "v1", replicas: kind === "drain" ? 1 : 2 });
    });
  }

  async #kill(name: string): Promise<void> {
    const { pid } = this.#shop.process(name);
    this.#shop.kill(name);
    while (this.#shop.process(name).pid === pid) await sleep(POLL_MS);
    await this.#shop.whenReady(name);
  }

  /** One pair a second; a pair whose second is over by the time it could be set is left out. */
  async #changeWeights(weights: DisturbancePlan["weights"]): Promise<void> {
    for (const [second, [first, other]] of weights.entries()) {
      const due = this.#startAt + second * 1_000;
      if (now() > due + 1_000) continue;
      await sleep(Math.max(0, due - now()));
      const words = [`v1=${first}`, `v2=${other}`];
      await this.#note({ what: `weights ${words.join(" ")}`, kind: "weights", service: "catalog" }, () =>
        this.#shop.meshControl.split({ service: "catalog", weights: words }),
      );
    }
  }

  async #watchCertificates(signal: AbortSignal): Promise<void> {
    const seen = new Map<string, number>();
    while (!signal.aborted) {
      for (const instance of this.carriers) {
        const file = join(this.#certificates, `${instance}.pem`);
        const startedAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
        const before = seen.get(instance);
        seen.set(instance, startedAt);
        if (before === undefined || before === startedAt) continue;
        const [service = ""] = instance.split("-v");
        const what = `certificate of ${instance}`;
        this.happenings.push({ what, kind: "certificate", service, startedAt, endedAt: now() });
      }
      await sleep(LOOK_AT_CERTIFICATES_MS);
    }
  }

  async #note(about: Pick<Happening, "what" | "kind" | "service">, act: () => Promise<unknown>): Promise<void> {
    const startedAt = now();
    await act();
    this.happenings.push({ ...about, startedAt, endedAt: now() });
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
