import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Logger } from "../telemetry/logger.ts";
import type { Nats } from "./nats.ts";
import { WakeSignal } from "./wake-signal.ts";

type Source = { nats: Nats; stream: string; durable: string; log: Logger };

/** Who takes the messages. */
type Taker = {
  /** How many it can take now; waits until it can take some. */
  room(): Promise<number>;
  accept(message: JsMsg): void;
};

/** How long a request for messages stands. */
const EXPIRES_MS = 10_000;

/**
 * Pulls messages from a durable consumer until stopped, through restarts of the server, and never more than there is room for:
 * what lies in a client's own buffer is late for the server before anybody has seen it. After `stop` the taker gets nothing more;
 * what was fetched goes back to the server.
 */
export function pullMessages(source: Source, { room, accept }: Taker): { stop(): Promise<void> } {
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
        if (failures === 0) source.log.warn({ consumer: source.durable, reason }, "Cannot pull events, trying again");
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
