import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import { giveCommand } from "../haproxy/data-plane/command.ts";
import { type HaproxyServer, readCounters } from "./haproxy-counters.ts";
import { type Pod, podOf } from "./pod.ts";
import { Reconciliation } from "./reconciliation.ts";
import type { SidecarEntry, SidecarsFile } from "./sidecars-file.ts";

/** One sidecar and what its HAProxy last said. */
export interface PolledSidecar {
  readonly pod: Pod;
  entry: SidecarEntry;
  readonly reconciliation: Reconciliation;
  servers: readonly HaproxyServer[];
  /** Of the certificate that it shows to others. */
  certificate: SidecarCertificate | undefined;
}

interface SidecarCertificate {
  /** "orders.shop.serviceaccount.identity.linkerd.cluster.local" */
  readonly identity: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

const POLL_EVERY_MS = 5_000;
const CERTIFICATES_EVERY_POLLS = 6;
/** A line is sent when its answer is counted; this is longer than it waits anywhere. */
const LINES_ARRIVE_WITHIN_MS = 100;
/** When lines seem to be lost. */
const LOOK_AGAIN_MS = 1_000;

/** All sidecars of the shop, asked every five seconds. */
export class Sidecars {
  readonly #log: Logger;
  readonly #startedAt = performance.now();
  readonly #pods = new Map<string, Pod>();
  readonly #sidecars = new Map<string, PolledSidecar>();
  readonly #timer: NodeJS.Timeout;
  #polls = 0;
  #polling = false;

  constructor(log: Logger) {
    this.#log = log;
    this.#timer = setInterval(() => void this.#poll(), POLL_EVERY_MS);
  }

  all(): Iterable<PolledSidecar> {
    return this.#sidecars.values();
  }

  /** By which each version's instances know each other, by its name: "orders-v1". */
  identities(): Map<string, string> {
    return new Map(
      [...this.all()].flatMap(({ pod, certificate }) =>
        certificate?.identity ? [[`${pod.service}-${pod.version}`, certificate.identity] as const] : [],
      ),
    );
  }

  find(instance: string): PolledSidecar | undefined {
    return this.#sidecars.get(instance);
  }

  pod(instance: string): Pod {
    const known = this.#pods.get(instance) ?? podOf(instance);
    this.#pods.set(instance, known);
    return known;
  }

  follow({ sidecars }: SidecarsFile): void {
    const listed = new Set(sidecars.map(({ instance }) => instance));
    for (const instance of this.#sidecars.keys()) if (!listed.has(instance)) this.#sidecars.delete(instance);
    for (const entry of sidecars) {
      const pod = this.pod(entry.instance);
      pod.service = entry.service;
      pod.version = entry.version;
      const known = this.#sidecars.get(entry.instance);
      if (known) {
        known.entry = entry;
        continue;
      }
      const sidecar = newSidecar(pod, entry);
      this.#sidecars.set(entry.instance, sidecar);
      void this.#visit(sidecar, true);
    }
  }

  /** What HAProxy says of each server now, rather than up to five seconds ago. */
  async servers(instance: string): Promise<readonly HaproxyServer[]> {
    const sidecar = this.#sidecars.get(instance);
    if (!sidecar) return [];
    ({ servers: sidecar.servers } = await readCounters(sidecar.entry.statsSocket));
    return sidecar.servers;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    const withCertificates = this.#polls % CERTIFICATES_EVERY_POLLS === 0;
    this.#polls += 1;
    await Promise.all([...this.#sidecars.values()].map((sidecar) => this.#visit(sidecar, withCertificates)));
    this.#polling = false;
  }

  async #visit(sidecar: PolledSidecar, withCertificates: boolean): Promise<void> {
    try {
      if (withCertificates || !sidecar.certificate)
        sidecar.certificate = await readCertificate(sidecar.entry.statsSocket);
      await this.#reconcile(sidecar);
      if (!sidecar.reconciliation.isSuspicious) return;
      await sleep(LOOK_AGAIN_MS);
      await this.#reconcile(sidecar);
    } catch (error) {
      // It may just be stopped, restarted or not there yet; the supervisor says so.
      this.#log.debug({ instance: sidecar.pod.instance, error: String(error) }, "cannot ask the sidecar");
    }
  }

  async #reconcile(sidecar: PolledSidecar): Promise<void> {
    const linesBefore = sidecar.pod.lines;
    const { pid, uptimeMs, responses, servers } = await readCounters(sidecar.entry.statsSocket);
    const workerStartedAt = performance.now() - uptimeMs;
    sidecar.servers = servers;
    await sleep(LINES_ARRIVE_WITHIN_MS);
    const { lost } = sidecar.reconciliation;
    // The start is known to the second.
    const isWhole = workerStartedAt - 1_000 > this.#startedAt;
    const linesAfter = sidecar.pod.lines;
    sidecar.reconciliation.compare({ pid, responses, linesBefore, linesAfter }, isWhole);
    const more = sidecar.reconciliation.lost - lost;
    if (more > 0) this.#log.warn({ instance: sidecar.pod.instance, lines: more }, "request lines were lost");
  }
}

function newSidecar(pod: Pod, entry: SidecarEntry): PolledSidecar {
  return { pod, entry, reconciliation: new Reconciliation(), servers: [], certificate: undefined };
}

/** The first certificate that HAProxy holds; a sidecar has one. */
async function readCertificate(statsSocket: string): Promise<SidecarCertificate | undefined> {
  const list = await giveCommand(statsSocket, "show ssl cert");
  const file = list.split("\n").find((line) => line.startsWith("/"));
  if (!file) return undefined;
  const shown = await giveCommand(statsSocket, `show ssl cert ${file.trim()}`);
  const time = Date.parse(/^notAfter: (.+)$/m.exec(shown)?.[1] ?? "");
  const [, identity = ""] = /^Subject Alternative Name: DNS:([^,\s]+)/m.exec(shown) ?? [];
  return Number.isNaN(time) ? undefined : { identity, expires: time / 1_000 };
}
