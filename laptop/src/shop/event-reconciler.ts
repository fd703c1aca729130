/** Compares NATS's streams and consumers with what services count on, again and again, and makes what is gone once more. */
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { describeFault, eventFaults } from "@row/runtime/events/consumer-fault.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { messageOf } from "@row/topology/row-error.ts";
import { mendStreams } from "../provision/mend-streams.ts";
import { needsContracts } from "../provision/provision.ts";
import { connectAsAdmin } from "../provision/streams.ts";
import { listenersIn } from "../sidecars/checkout-events.ts";
import type { Instances } from "../sidecars/instances.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";

const LOOK_EVERY_MS = 2_000;
const ASK_MS = 1_000;

export class EventReconciler {
  readonly #infrastructure: Infrastructure;
  readonly #instances: () => Instances | undefined;
  readonly #report: (text: string) => void;
  readonly #contracts: ReturnType<typeof loadContracts> | undefined;
  #connection: Promise<NatsConnection> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #mending: Promise<void> | undefined;
  #lastFailure = "";

  /** @param instances those that run in the mesh, which may consume more than the shop's own code; undefined without one */
  constructor(infrastructure: Infrastructure, instances: () => Instances | undefined, report: (text: string) => void) {
    this.#infrastructure = infrastructure;
    this.#instances = instances;
    this.#report = report;
    const { installation, services } = infrastructure;
    if (needsContracts(installation.root, services)) this.#contracts = loadContracts(installation.root);
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#mending ??= this.#mend().finally(() => {
        this.#mending = undefined;
      });
    }, LOOK_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#mending;
    await (await this.#connection?.catch(() => undefined))?.close();
  }

  /** What is not as it should be, a sentence for each; asked now. None while NATS cannot be asked: its own state says that. */
  async differences(): Promise<string[]> {
    const faults = await this.#ask(({ manager, contracts, listeners }) => eventFaults(manager, contracts, listeners));
    return faults?.map(describeFault) ?? [];
  }

  async #mend(): Promise<void> {
    try {
      const mended = await this.#ask(({ connection, contracts, listeners }) =>
        mendStreams(connection, this.#infrastructure, contracts, listeners),
      );
      for (const fault of mended ?? []) this.#report(`${describeFault(fault)}: it is made again`);
      this.#lastFailure = "";
    } catch (error) {
      // Tried again and again, but said once.
      const failure = messageOf(error);
      if (failure !== this.#lastFailure)
        this.#report(`Cannot mend streams and consumers: ${failure}; it is tried again`);
      this.#lastFailure = failure;
    }
  }

  /** Undefined while NATS cannot be reached. */
  async #ask<Answer>(
    question: (asked: {
      readonly connection: NatsConnection;
      readonly manager: JetStreamManager;
      readonly contracts: ReturnType<typeof loadContracts>;
      readonly listeners: ReturnType<typeof listenersIn>;
    }) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const contracts = this.#contracts;
    if (!contracts) return undefined;
    const connection = await this.#connected();
    if (!connection) return undefined;
    const listeners = listenersIn(this.#infrastructure.services, this.#instances());
    try {
      const manager = await jetstreamManager(connection, { timeout: ASK_MS });
      return await question({ connection, manager, contracts, listeners });
    } catch (error) {
      // One that the server has left is replaced with the next look.
      if (connection.isClosed()) return undefined;
      throw error;
    }
  }

  async #connected(): Promise<NatsConnection | undefined> {
    const { ports, secrets } = this.#infrastructure;
    this.#connection ??= connectAsAdmin(ports.nats, secrets);
    const asked = this.#connection;
    const connection = await asked.catch(() => undefined);
    if (connection && !connection.isClosed()) return connection;
    if (this.#connection === asked) this.#connection = undefined;
    return undefined;
  }
}
