/** Tells who watches an order that it changed, in whatever process of orders that happened. */
import { EventEmitter } from "node:events";
import { WakeSignal } from "@row/runtime/events/wake-signal.ts";
import type { Background } from "@row/runtime/host.ts";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import pg from "pg";

const CHANNEL = "order_changes";
/** Changes are announced together after this long: NOTIFY takes a lock that writers would queue for. */
const GATHER_MS = 10;
/** An announcement can be lost; a watcher looks by itself this often. */
const LOOK_MS = 2_000;
/** A NOTIFY payload holds 8,000 bytes. */
const IDS_PER_NOTIFY = 200;
const RECONNECT_MS = 1_000;

/** An order that somebody watches. */
export interface FollowedOrder {
  /** Resolves when the order has changed since this was last asked, or after a while, or when the signal aborts. */
  change(): Promise<void>;
  stop(): void;
}

export class OrderChanges implements Background {
  readonly #pool: pg.Pool;
  readonly #databaseUrl: string;
  readonly #log: Logger;
  readonly #bell = new EventEmitter().setMaxListeners(0);
  readonly #gathered = new Set<string>();
  readonly #stopping = new AbortController();
  #gathering: NodeJS.Timeout | undefined;
  #listener: pg.Client | undefined;
  #isClosed = false;

  readonly #lookMs: number;

  constructor(pool: pg.Pool, databaseUrl: string, log: Logger, { lookMs = LOOK_MS }: { lookMs?: number } = {}) {
    this.#pool = pool;
    this.#databaseUrl = databaseUrl;
    this.#log = log;
    this.#lookMs = lookMs;
  }

  /** Says that an order changed. To be called after the commit. */
  announce(orderId: string): void {
    this.#bell.emit(orderId);
    this.#gathered.add(orderId);
    this.#gathering ??= setTimeout(() => this.#notify(), GATHER_MS).unref();
  }

  /** Follows an order from now on: what changes while nobody waits for it is told to the next who does. */
  async follow(orderId: string, signal: AbortSignal): Promise<FollowedOrder> {
    await this.#listen();
    const bell = new WakeSignal();
    const ring = () => bell.wake();
    this.#bell.on(orderId, ring);
    signal.addEventListener("abort", ring, { once: true });
    if (signal.aborted) ring();
    return {
      change: () => bell.sleep(this.#lookMs),
      stop: () => {
        this.#bell.off(orderId, ring);
        signal.removeEventListener("abort", ring);
      },
    };
  }

  /** Aborts when the process stops: watchers go, and resume elsewhere. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
  }

  /** Ends the connection that listens; to be called when everything else has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#gathering);
    await this.#listener?.end().catch(() => {}); // it may be gone already
  }

  #notify(): void {
    this.#gathering = undefined;
    const ids = [...this.#gathered];
    this.#gathered.clear();
    for (let from = 0; from < ids.length; from += IDS_PER_NOTIFY) {
      const payload = ids.slice(from, from + IDS_PER_NOTIFY).join(",");
      this.#pool.query("SELECT pg_notify($1, $2)", [CHANNEL, payload]).catch(() => {}); // watchers look by themselves too
    }
  }

  /** Listens from the first watcher on: most processes never have one. */
  async #listen(): Promise<void> {
    if (this.#listener || this.#isClosed) return;
    const listener = new pg.Client({ connectionString: this.#databaseUrl });
    this.#listener = listener;
    const lost = () => {
      setTimeout(() => {
        if (this.#listener === listener) this.#listener = undefined;
      }, RECONNECT_MS).unref();
    };
    listener.on("error", (error) => {
      this.#log.warn({ err: error }, "lost the connection that hears of order changes");
      lost();
    });
    listener.on("notification", ({ payload }) => {
      for (const id of payload?.split(",") ?? []) this.#bell.emit(id);
    });
    await listener
      .connect()
      .then(() => listener.query(`LISTEN ${CHANNEL}`))
      .catch(lost);
  }
}
