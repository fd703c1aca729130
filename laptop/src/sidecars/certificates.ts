import type { Workload } from "@row/mesh/haproxy/workload.ts";
import { whenToRotate } from "@row/mesh/identity/certificate.ts";
import { openTrustAnchor, type TrustAnchor, writeCertificate } from "@row/mesh/identity/trust-anchor.ts";

export type Carrier = Pick<Workload, "instance" | "account" | "sidecar">;

const RETRY_MS = 5_000;

/** Gives every sidecar a certificate, and another one at two thirds of its life. */
export class Certificates {
  readonly #folder: string;
  readonly #lifetimeMs: number | undefined;
  /** Has the sidecar that runs take the certificate whose file is written. */
  readonly #replace: (instance: string) => Promise<void>;
  readonly #report: (text: string) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #anchor: TrustAnchor | undefined;

  constructor(options: {
    folder: string;
    lifetimeMs: number | undefined;
    replace: (instance: string) => Promise<void>;
    report: (text: string) => void;
  }) {
    this.#folder = options.folder;
    this.#lifetimeMs = options.lifetimeMs;
    this.#replace = options.replace;
    this.#report = options.report;
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
    this.#rotateAfter(carrier, whenToRotate(notBefore, notAfter).getTime() - Date.now());
  }

  #rotateAfter(carrier: Carrier, ms: number): void {
    this.forget(carrier.instance);
    const timer = setTimeout(
      () => {
        this.#rotate(carrier).catch((error: Error) => {
          this.#report(`the certificate of ${carrier.instance} is not replaced yet: ${error.message}`);
          this.#rotateAfter(carrier, RETRY_MS);
        });
      },
      Math.max(ms, 0),
    );
    this.#timers.set(carrier.instance, timer.unref());
  }

  async #rotate(carrier: Carrier): Promise<void> {
    await this.#issue(carrier);
    // One that was taken away meanwhile is nobody's any more.
    if (this.#timers.has(carrier.instance)) await this.#replace(carrier.instance);
  }
}
