import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Logger } from "./logger.ts";
import type { Nats } from "./nats.ts";
import { WakeUp } from "./wake-up.ts";

type Source = { nats: Nats; stream: string; durable: string; log: Logger };

/** What the client tells when the server has forgotten its request: only a new one brings messages again. */
const STALLED = new Set([
  "no_responders",
  "heartbeats_missed",
  "consumer_deleted",
  "consumer_not_found",
  "stream_not_found",
]);

/**
 * Pulls messages from a durable consumer until stopped, through restarts of the server. `accept` may wait to slow the
 * pulling down. After `stop` it gets nothing more; what was fetched and not accepted goes back to the server.
 */
export function pullMessages(
  source: Source,
  accept: (message: JsMsg) => Promise<void> | void,
): { stop(): Promise<void> } {
  const bell = new WakeUp();
  let stopping = false;
  let open: ConsumerMessages | undefined;

  async function pullUntilStalled() {
    const consumer = await source.nats.js.consumers.get(source.stream, source.durable);
    if (stopping) return;
    const messages = await consumer.consume({ max_messages: 100, expires: 10_000, bind: true });
    open = messages;
    if (stopping) messages.close();
    void closeWhenStalled(messages);
    for await (const message of messages) {
      if (stopping) message.nak();
      else await accept(message);
    }
  }

  async function run() {
    let failures = 0;
    while (!stopping) {
      const startedAt = performance.now();
      try {
        await pullUntilStalled();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (failures === 0) source.log.warn({ consumer: source.durable, reason }, "Cannot pull events, trying again");
      }
      failures = performance.now() - startedAt > 30_000 ? 0 : failures + 1;
      if (!stopping) await bell.sleep(Math.min(125 * 2 ** failures, 2000));
    }
  }

  const running = run();
  return {
    async stop() {
      stopping = true;
      bell.ring();
      open?.close();
      await running;
    },
  };
}

async function closeWhenStalled(messages: ConsumerMessages): Promise<void> {
  for await (const status of messages.status()) {
    if (STALLED.has(status.type)) messages.close();
  }
}
