/** A bounded number of connections to one address, and a bounded queue of requests that wait for one of them. */
import { HttpConnection, type HttpResponse } from "./http-connection.ts";

/** Why a request was never sent. */
export class NotSent extends Error {}

export interface ConnectionBounds {
  readonly port: number;
  readonly host?: string;
  readonly connections: number;
  /** Requests that may wait for a connection; what comes on top is given up at once. */
  readonly queued: number;
  /** From when a request was due until it is answered: beyond it is given up, sent or not. */
  readonly deadlineMs: number;
}

export interface Answered {
  readonly response: HttpResponse;
  readonly sentAt: number;
}

interface Waiting {
  readonly due: number;
  readonly go: () => void;
  readonly giveUp: (error: NotSent) => void;
}

/** Well below the time after which the edge closes an idle one: a request must not meet the end of its connection. */
const REUSED_FOR_MS = 20_000;

export class Connections {
  readonly #bounds: ConnectionBounds;
  readonly #idle: { readonly connection: HttpConnection; readonly since: number }[] = [];
  readonly #waiting: Waiting[] = [];
  #taken = 0;
  #isClosed = false;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
  }

  /** How many wait for a connection. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Since when, by performance.now(), the first of them is due. */
  get waitingSince(): number | undefined {
    return this.#waiting[0]?.due;
  }

  /** Rejects with NotSent, TimedOut or what ended the connection. `onSent` hears when the request leaves. */
  async send(request: string, due: number, onSent: () => void): Promise<HttpResponse> {
    await this.#slot(due);
    try {
      const left = this.#bounds.deadlineMs - (performance.now() - due);
      if (left <= 0) throw new NotSent("waited too long for a connection");
      const connection = this.#reusable() ?? (await HttpConnection.open(this.#bounds.port, this.#bounds.host));
      onSent();
      const response = await connection.send(request, left);
      if (this.#isClosed) connection.close();
      else if (connection.isOpen) this.#idle.push({ connection, since: performance.now() });
      return response;
    } finally {
      this.#release();
    }
  }

  /** Gives up what waits, and closes what is idle; what is under way goes on to its end. */
  close(): void {
    this.#isClosed = true;
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(new NotSent("the load has ended"));
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  #slot(due: number): Promise<void> | undefined {
    if (this.#taken < this.#bounds.connections) {
      this.#taken += 1;
      return undefined;
    }
    if (this.#waiting.length >= this.#bounds.queued) throw new NotSent("too many wait for a connection");
    return new Promise((go, giveUp) => this.#waiting.push({ due, go, giveUp }));
  }

  /** Hands the slot on. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next) next.go();
    else this.#taken -= 1;
  }

  /** The one used last: those at the bottom grow old when there is little to do. */
  #reusable(): HttpConnection | undefined {
    const oldest = performance.now() - REUSED_FOR_MS;
    while (this.#idle[0] && this.#idle[0].since < oldest) this.#idle.shift()?.connection.close();
    for (let last = this.#idle.pop(); last; last = this.#idle.pop()) if (last.connection.isOpen) return last.connection;
    return undefined;
  }
}
