/** What a start shows while it goes on. */
import type { Progress } from "@row/laptop/shop/shop-processes.ts";

/** Shows how a start comes along: a line per event, and on a terminal a last line that keeps changing. */
export class ProgressDisplay {
  readonly #out: NodeJS.WriteStream;
  readonly #started = performance.now();
  #status = "";

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  show = ({ text, ready, total, waitingFor }: Progress): void => {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1).padStart(5);
    this.line(`${seconds} s  ${text}`);
    if (!this.#out.isTTY || waitingFor.length === 0) return;
    const width = (this.#out.columns || 80) - 1;
    this.#status = `${ready} of ${total} ready, waiting for ${waitingFor.join(", ")}`.slice(0, width);
    this.#out.write(this.#status);
  };

  line(text: string): void {
    this.clear();
    this.#out.write(`${text}\n`);
  }

  clear(): void {
    if (this.#status) this.#out.write("\r\x1b[2K");
    this.#status = "";
  }
}
