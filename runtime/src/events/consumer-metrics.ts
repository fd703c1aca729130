/** What a service's consumers have before them, and what they gave up. */
import { jetstreamManager } from "@nats-io/jetstream";
import { versionOf } from "../names.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { CONSUMER_FAULTS, consumerFault } from "./consumer-fault.ts";
import type { Nats } from "./nats.ts";
import { durableOf, streamOf } from "./stream-names.ts";

const ASK_MS = 1_000;

/**
 * Follows the consumers of one process. `events.unhandled` is what the server counts, the same from every instance;
 * `events.consumer_faults` says that one is gone or not as it should be, with the attribute fault;
 * `events.dead_letters` counts what this process buried, and `events.undeliverable` the same by the version that wrote it, with the
 * attribute producer ("inventory/v2"). All have the attribute event.
 */
export class ConsumerMetrics {
  readonly #events = new Set<string>();
  readonly #deadLetters;
  readonly #undeliverable;

  constructor({ meter }: Pick<Telemetry, "meter">, nats: Nats, service: string) {
    this.#deadLetters = meter.createCounter("events.dead_letters", {
      description: "Events that no try could handle",
    });
    this.#undeliverable = meter.createCounter("events.undeliverable", {
      description: "Events that no try could handle, by the version that wrote them",
    });
    const unhandled = meter.createObservableGauge("events.unhandled", {
      description: "Events that wait to be handled, those in hand included",
    });
    const faults = meter.createObservableGauge("events.consumer_faults", {
      description: "1 while the durable consumer of an event is not there, or not as it should be",
    });
    meter.addBatchObservableCallback(
      async (result) => {
        if (!nats.connected()) return; // the last figures stay
        const manager = await jetstreamManager(nats.connection, { checkAPI: false, timeout: ASK_MS });
        await Promise.all(
          [...this.#events].map(async (event) => {
            const info = await manager.consumers
              .info(streamOf(event), durableOf(service, event))
              .catch(() => undefined);
            if (info) result.observe(unhandled, info.num_pending + info.num_ack_pending, { event });
            const fault = await consumerFault(manager, service, event).catch(() => "unknown");
            if (fault === "unknown") return;
            for (const each of CONSUMER_FAULTS) result.observe(faults, Number(each === fault), { event, fault: each });
          }),
        );
      },
      [unhandled, faults],
    );
  }

  /** Shows a consumer from now on. */
  follow(event: string): void {
    this.#events.add(event);
    // From zero on: the first one would otherwise be no increase.
    this.#deadLetters.add(0, { event });
  }

  buried(event: string, publishedBy: string): void {
    this.#deadLetters.add(1, { event });
    this.#undeliverable.add(1, { event, producer: versionOf(publishedBy) });
  }
}
