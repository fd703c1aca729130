import type { Logger } from "@row/runtime/telemetry/logger.ts";
import { RuntimeApi } from "../haproxy/data-plane/runtime-api.ts";
import { type EndpointOut, readEndpointsOut, writeEndpointsOut } from "./endpoints-out.ts";
import { FailureAccrual } from "./failure-accrual.ts";
import type { Pod } from "./pod.ts";
import type { Sidecars } from "./sidecars.ts";
import type { SidecarsFile } from "./sidecars-file.ts";

const WATCH_EVERY_MS = 1_000;
const MOST_ENDPOINTS = 20_000;

/**
 * Takes failing endpoints out of a client's sidecar and lets them back in.
 *
 * The supervisor takes endpoints out too, when they are not ready. So that neither undoes what the other did, this
 * touches only what it took out itself, and never lets in what the supervisor lists as not ready; the supervisor leaves
 * alone what the file says is out.
 */
export class CircuitBreakers {
  readonly #sidecars: Sidecars;
  readonly #log: Logger;
  /** Endpoints that are out, so that a new observer lets in what one that died has left out. */
  readonly #file: string;
  readonly #endpoints = new Map<string, FailureAccrual>();
  readonly #penalties = new Map<FailureAccrual, NodeJS.Timeout>();
  /** Commands to one sidecar, one after the other. */
  readonly #queues = new Map<string, Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #left: EndpointOut[];
  #notReady = new Set<string>();
  #running = new Set<string>();
  #policies = new Map<string, SidecarsFile["sidecars"][number]["breakers"]>();

  constructor(sidecars: Sidecars, file: string, log: Logger) {
    this.#sidecars = sidecars;
    this.#file = file;
    this.#log = log;
    this.#left = readEndpointsOut(file);
    this.#timer = setInterval(() => this.#watch(), WATCH_EVERY_MS);
  }

  health({ instance }: Pod, service: string, endpoint: string): FailureAccrual {
    const key = `${instance} ${service} ${endpoint}`;
    const known = this.#endpoints.get(key);
    if (known) return known;
    const health = new FailureAccrual(instance, service, endpoint);
    health.policy = this.#policies.get(instance)?.[service];
    if (this.#endpoints.size < MOST_ENDPOINTS) this.#endpoints.set(key, health);
    return health;
  }

  follow({ sidecars, notReady }: SidecarsFile): void {
    this.#notReady = new Set(notReady);
    this.#forgetGone(new Set(sidecars.map(({ instance }) => instance)));
    this.#policies = new Map(sidecars.map(({ instance, breakers }) => [instance, breakers]));
    for (const health of this.#endpoints.values()) {
      health.policy = this.#policies.get(health.instance)?.[health.service];
      if (!health.policy && health.state !== "closed") this.#letIn(health, "it is not to be broken any more");
      if (!health.policy) health.reset();
    }
    this.#letInWhatWasLeft();
  }

  /** What an instance did wrong goes with it: the next one of its name has done nothing yet. */
  #forgetGone(running: Set<string>): void {
    const gone = this.#running.difference(running);
    this.#running = running;
    for (const health of this.#endpoints.values()) {
      if (!gone.has(health.endpoint)) continue;
      this.#letIn(health, "its instance is gone");
      health.reset();
    }
  }

  tripped(health: FailureAccrual): void {
    const { instance, service, endpoint, failures } = health;
    const wasProbe = health.state === "probation";
    const penaltyMs = Math.round(health.trip(Math.random()));
    this.#log.warn({ instance, service, endpoint, failures, wasProbe, penaltyMs }, "endpoint taken out: it fails");
    this.#penalties.set(
      health,
      setTimeout(() => this.#letIn(health, "its penalty is over"), penaltyMs),
    );
    this.#remember();
    this.#queue(instance, () => this.#setState(instance, endpoint, "maint"));
  }

  /** Lets in again whatever was taken out. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const health of this.#penalties.keys()) this.#letIn(health, "the observer stops");
    await Promise.all(this.#queues.values());
  }

  #letIn(health: FailureAccrual, reason: string): void {
    const { instance, service, endpoint } = health;
    clearTimeout(this.#penalties.get(health));
    if (!this.#penalties.delete(health)) return;
    health.release();
    this.#log.info({ instance, service, endpoint, reason }, "endpoint let in again, on probation");
    this.#remember();
    this.#queue(instance, () => this.#setReady(instance, endpoint));
  }

  async #setReady(instance: string, endpoint: string): Promise<void> {
    if (this.#notReady.has(endpoint) || this.#isOut(instance, endpoint)) return;
    await this.#setState(instance, endpoint, "ready");
  }

  #isOut(instance: string, endpoint: string): boolean {
    for (const out of this.#penalties.keys()) if (out.instance === instance && out.endpoint === endpoint) return true;
    return false;
  }

  /** In every backend of the sidecar that holds the endpoint and does not have that state. */
  async #setState(instance: string, endpoint: string, state: "maint" | "ready"): Promise<void> {
    const socket = this.#sidecars.find(instance)?.entry.statsSocket;
    if (!socket) return;
    const servers = await this.#sidecars.servers(instance);
    const others = servers.filter((one) => one.server === endpoint && one.inMaintenance !== (state === "maint"));
    await new RuntimeApi(socket).setServerStates(others.map(({ backend, server }) => ({ backend, server, state })));
  }

  #queue(instance: string, act: () => Promise<void>): void {
    const next = (this.#queues.get(instance) ?? Promise.resolve()).then(act).catch((error) => {
      // What is out is taken out again every second; what is not, the supervisor lets in as soon as the file says so.
      this.#log.debug({ instance, error: String(error) }, "cannot reach the sidecar");
    });
    this.#queues.set(instance, next);
  }

  /** A reload, or the supervisor, may have let in what is out. */
  #watch(): void {
    for (const { instance, endpoint } of this.#penalties.keys()) {
      this.#queue(instance, async () => {
        if (this.#isOut(instance, endpoint)) await this.#setState(instance, endpoint, "maint");
      });
    }
  }

  #letInWhatWasLeft(): void {
    const known = this.#left.filter(({ instance }) => this.#sidecars.find(instance));
    if (known.length === 0) return;
    this.#left = this.#left.filter((left) => !known.includes(left));
    for (const { instance, endpoint } of known) this.#queue(instance, () => this.#setReady(instance, endpoint));
    this.#remember();
  }

  #remember(): void {
    const out = [...this.#penalties.keys()].map(({ instance, endpoint }) => ({ instance, endpoint }));
    writeEndpointsOut(this.#file, [...out, ...this.#left]);
  }
}
