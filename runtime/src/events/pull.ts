/** How messages come from a durable consumer. */
import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Logger } from "../telemetry/logger.ts";
import type { Nats } from "./nats.ts";
import { WakeSignal } from "./wake-signal.ts";

interface Source {
  readonly nats: Nats;
  readonly stream: string;
  readonly durable: string;
  readonly log: Logger;
}

/** Who takes the messages. */
interface Taker {
  /** How many it can take now; waits until it can take some. */
  room(): Promise<number>;
  accept(message: JsMsg): void;
}

/** Messages that are being pulled. */
export interface Pulling {
  /** After that the taker gets nothing more; what was fetched goes back to the server. */
  stop(): Promise<void>;
}

/** How long a request for messages stands. */
const EXPIRES_MS = 10_000;

/**
 * Pulls messages from a durable consumer until stopped, through restarts of the server, and never more than there is room for:
 * what lies in a client's own buffer is late for the server before it has been looked at.
 */
export function pullMessages(source: Source, { room, accept }: Taker): Pulling {
  const wakeSignal = new WakeSignal();
  let stopping = false;
  let open: ConsumerMessages | undefined;

  async function pullUntilItFails() {
    const consumer = await source.nats.js.consumers.get(source.stream, source.durable);
    for (;;) {
      const max_messages = await room();
      if (stopping) return;
      const messages = await consumer.fetch({ max_messages, expires: EXPIRES_MS, bind: true });
      open = messages;
      if (stopping) messages.close();
      for await (const message of messages) {
        if (stopping) message.nak();
        else accept(message);
      }
    }
  }

  async function run() {
    let failures = 0;
    while (!stopping) {
      const startedAt = performance.now();
      try {
        await pullUntilItFails();
      } catch (error) {
        // Also a server that has forgotten the request, or the consumer: only a new request brings messages again.
        const reason = error instanceof Error ? error.message : String(error);
        if (failures === 0) source.log.warn({ consumer: source.durable, reason }, "cannot pull events, trying again");
      }
      failures = performance.now() - startedAt > 30_000 ? 0 : failures + 1;
      if (!stopping) await wakeSignal.sleep(Math.min(125 * 2 ** failures, 2000));
    }
  }

  const running = run();
  return {
    async stop() {
      stopping = true;
      wakeSignal.wake();
      open?.close();
      await running;
    },
  };
}
