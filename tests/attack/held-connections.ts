/** One client that holds the public door's connections without using them: idle, half-sent, or with answers that it does not read. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Half of the public door's (docs/architecture.md): what one address is let have. */
export const ITS_SHARE = 1_500;
/** What it wants: some are refused. */
const WANTED = ITS_SHARE + 100;

/** Another address than everybody else's on this machine: in Linux all of 127.0.0.0/8 is. */
const FROM = "127.0.0.66";
const AT_ONCE = 50;
const HOLD_AGAIN_MS = 1_000;

const NOTHING = "";
const HALF_A_HEAD = "GET /v1/products HTTP/1.1\r\nhost: a\r\n";
const HALF_A_BODY =
  "POST /v1/orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{";
/** The largest answer that is made once and for all: it takes room for whoever does not read it, and no time. */
const LARGE_ANSWER = "GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
/** More than the kernel and a sidecar take for a client that does not read. */
const ANSWERS = 20;
/** One in so many is unread. */
const UNREAD_ONE_IN = 25;

export class HeldConnections {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #unread = new Set<Socket>();
  #number = 0;
  /** How often one was opened. */
  opened = 0;
  /** The most that were held at once, a while after they were opened: what is refused is closed by then. */
  most = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Holds what it can, opening again each second what was closed on it, until the signal comes. */
  async hold(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (let missing = WANTED - this.#sockets.size; missing > 0 && !signal.aborted; missing -= AT_ONCE)
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, missing) }, () => this.#open()));
      await sleep(HOLD_AGAIN_MS, undefined, { signal }).catch(() => {});
      // Who does not read learns only by writing that a connection is over.
      for (const socket of this.#unread) socket.write(LARGE_ANSWER);
      this.most = Math.max(this.most, this.#sockets.size);
    }
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): Promise<void> {
    const number = this.#number++;
    const socket = connect({ port: this.#port, host: "127.0.0.1", localAddress: FROM });
    const isUnread = number % UNREAD_ONE_IN === 0;
    if (isUnread) this.#unread.add(socket);
    else socket.resume();
    socket.on("error", () => {});
    return new Promise((resolve) => {
      socket.once("connect", () => {
        this.opened += 1;
        this.#sockets.add(socket);
        socket.write(isUnread ? LARGE_ANSWER.repeat(ANSWERS) : sentOn(number));
        resolve();
      });
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.#unread.delete(socket);
        resolve();
      });
    });
  }
}

function sentOn(number: number): string {
  return [NOTHING, HALF_A_HEAD, HALF_A_BODY][number % 3] ?? NOTHING;
}
