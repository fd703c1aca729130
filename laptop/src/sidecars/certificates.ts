import type { Workload } from "@row/mesh/haproxy/workload.ts";
import { whenToRotate } from "@row/mesh/identity/certificate.ts";
import { openTrustAnchor, type TrustAnchor, writeCertificate } from "@row/mesh/identity/trust-anchor.ts";

export type Carrier = Pick<Workload, "instance" | "account" | "sidecar">;

const RETRY_MS = 5_000;
/** How often a certificate is compared with the clock, which may be set: a timer would then come days too late. */
const LOOK_MS = 60_000;

/** Gives every sidecar a certificate, and another one at two thirds of its life or when the clock was set to before it. */
export class Certificates {
  readonly #folder: string;
  readonly #lifetimeMs: number | undefined;
  /** Has the sidecar that runs take the certificate whose file is written. */
  readonly #replace: (instance: string) => Promise<void>;
  readonly #report: (text: string) => void;
  readonly #lookMs: number;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #anchor: TrustAnchor | undefined;

  constructor(options: {
    folder: string;
    lifetimeMs: number | undefined;
    replace: (instance: string) => Promise<void>;
    report: (text: string) => void;
    lookMs?: number;
  }) {
    this.#folder = options.folder;
    this.#lifetimeMs = options.lifetimeMs;
    this.#replace = options.replace;
    this.#report = options.report;
    this.#lookMs = options.lookMs ?? LOOK_MS;
  }

  /** Opens the trust anchor, or makes one. Only while no sidecar runs. */
  async open(): Promise<void> {
    this.#anchor = await openTrustAnchor(this.#folder);
  }

  /** Writes the workload's certificate, before its sidecar starts. */
  async issueFor(carrier: Carrier): Promise<void> {
    await this.#issue(carrier);
  }

  forget(instance: string): void {
    clearTimeout(this.#timers.get(instance));
    this.#timers.delete(instance);
  }

  stop(): void {
    for (const instance of [...this.#timers.keys()]) this.forget(instance);
  }

  async #issue(carrier: Carrier): Promise<void> {
    if (!this.#anchor) throw new Error("The trust anchor is not open");
    const { pem, notBefore, notAfter } = await this.#anchor.issue({
      account: carrier.account,
      ...(this.#lifetimeMs === undefined ? {} : { lifetimeMs: this.#lifetimeMs }),
    });
    await writeCertificate(carrier.sidecar.certificate, pem);
    this.#watch(carrier, notBefore.getTime(), whenToRotate(notBefore, notAfter).getTime());
  }

  /** Replaces the certificate when the clock is not between the two moments any more. */
  #watch(carrier: Carrier, from: number, until: number): void {
    const left = until - Date.now();
    this.#after(carrier, Math.min(left, this.#lookMs), () => {
      const now = Date.now();
      if (now >= from && now < until) this.#watch(carrier, from, until);
      else this.#rotateOrRetry(carrier);
    });
  }

  #rotateOrRetry(carrier: Carrier): void {
    this.#rotate(carrier).catch((error: Error) => {
      this.#report(`the certificate of ${carrier.instance} is not replaced yet: ${error.message}`);
      this.#after(carrier, RETRY_MS, () => this.#rotateOrRetry(carrier));
    });
  }

  #after(carrier: Carrier, ms: number, act: () => void): void {
    this.forget(carrier.instance);
    this.#timers.set(carrier.instance, setTimeout(act, Math.max(ms, 0)).unref());
  }

  async #rotate(carrier: Carrier): Promise<void> {
    await this.#issue(carrier);
    // One that was taken away meanwhile is nobody's any more.
    if (this.#timers.has(carrier.instance)) await this.#replace(carrier.instance);
  }
}
