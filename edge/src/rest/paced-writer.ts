/** Writes to a response no faster than its reader reads, and hangs up on a reader who takes nothing for too long. */
import type { ServerResponse } from "node:http";

export class PacedWriter {
  readonly #response: ServerResponse;
  readonly #stalledMs: number;
  #draining: Promise<void> | undefined;

  constructor(response: ServerResponse, stalledMs: number) {
    this.#response = response;
    this.#stalledMs = stalledMs;
  }

  /** Writes, and waits until there is room for more or the connection is gone. */
  async write(text: string): Promise<void> {
    if (!this.#response.write(text)) await this.#drained();
  }

  /** Writes, unless the reader is behind with what was written before. */
  offer(text: string): void {
    if (this.#response.writableNeedDrain) return;
    if (!this.#response.write(text)) void this.#drained();
  }

  /** Writes the last there is. */
  end(text: string): void {
    this.#response.end(text);
    if (!this.#response.writableFinished) void this.#until("finish");
  }

  #drained(): Promise<void> {
    this.#draining ??= this.#until("drain").finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  /** Resolves with the event, or with the end of the connection, which comes at the latest when the reader has stalled. */
  #until(event: "drain" | "finish"): Promise<void> {
    const response = this.#response;
    if (response.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const hangUp = setTimeout(() => response.destroy(), this.#stalledMs);
      const done = () => {
        clearTimeout(hangUp);
        response.off(event, done);
        response.off("close", done);
        resolve();
      };
      response.once(event, done);
      response.once("close", done);
    });
  }
}
