import type { JsMsg } from "@nats-io/jetstream";
import { ACK_WAIT_SECONDS } from "./stream-names.ts";

/** Two words may get lost before the third is too late. */
const SAY_SO_EVERY_MS = (ACK_WAIT_SECONDS * 1_000) / 3;

/**
 * Messages that this process has and has not answered. It tells the server that it is at work on them, for as long as they are in
 * hand: else others would get them too, and each would count as handed out once more.
 */
export class AckProgress {
  readonly #messages = new Set<JsMsg>();
  readonly #saying = setInterval(() => {
    try {
      for (const message of this.#messages) message.working();
    } catch {
      // The connection is being closed: what is in hand comes again elsewhere.
    }
  }, SAY_SO_EVERY_MS).unref();

  get size(): number {
    return this.#messages.size;
  }

  take(message: JsMsg): void {
    this.#messages.add(message);
  }

  /** To be called when the message has been answered. */
  letGo(message: JsMsg): void {
    this.#messages.delete(message);
  }

  stop(): void {
    clearInterval(this.#saying);
  }
}
