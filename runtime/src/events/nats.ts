import { setTimeout as sleep } from "node:timers/promises";
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { connect, errors, type NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "../telemetry/logger.ts";
import { inboxPrefix } from "./stream-names.ts";

/** A connection that comes back by itself, for as long as it takes. */
export type Nats = {
  connection: NatsConnection;
  js: JetStreamClient;
  /** Whether the server can be reached just now. */
  connected(): boolean;
  /** Sends what is buffered and closes; gives up on an unreachable server after a second. */
  close(): Promise<void>;
};

export type NatsOptions = {
  url: string;
  user?: string;
  password?: string;
  /** Shown in the server's connection list. */
  name?: string;
  /** Defaults to the one the user's permissions allow. */
  inboxPrefix?: string;
  log?: Logger;
  /** How long to wait for the first connection; 15 s unless told. */
  timeoutMs?: number;
};

/** Connects to NATS, waiting for a server that is still starting. */
export async function connectNats(options: NatsOptions): Promise<Nats> {
  const connection = await firstConnection(options);
  let connected = true;
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        if (connected) options.log?.warn({ url: options.url }, "NATS is gone, reconnecting");
        connected = false;
      } else if (status.type === "reconnect") {
        connected = true;
        options.log?.info({ url: options.url }, "NATS is back");
      } else if (status.type === "error") {
        options.log?.error({ error: status.error.message }, "NATS refused something");
      }
    }
    connected = false;
  })();
  return {
    connection,
    js: jetstream(connection),
    connected: () => connected && !connection.isClosed(),
    async close() {
      await Promise.race([connection.drain().catch(() => {}), sleep(1000, undefined, { ref: false })]);
      await connection.close();
    },
  };
}

const RECONNECT_MS = 250;

/**
 * How long until the next try to reconnect. nats-core 3.4.0 adds this to the moment of its last try and compares with the wall
 * clock: one that was set back by a year since would keep it from trying for a year. So it is told "now" by a clock that nobody sets.
 */
function reconnectDelay(): () => number {
  let triedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (now - triedAt < RECONNECT_MS) return RECONNECT_MS;
    triedAt = now;
    return Number.NEGATIVE_INFINITY;
  };
}

async function firstConnection(options: NatsOptions): Promise<NatsConnection> {
  const seconds = (options.timeoutMs ?? 15_000) / 1000;
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await connect({
        servers: options.url,
        user: options.user,
        pass: options.password,
        name: options.name,
        inboxPrefix: options.inboxPrefix ?? (options.user ? inboxPrefix(options.user) : undefined),
        timeout: 2000,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: reconnectDelay(),
        // The server may come back before its users do.
        ignoreAuthErrorAbort: true,
        pingInterval: 20_000,
        // An error made ahead of each publication, for its stack, costs more than the rest of it.
        noAsyncTraces: true,
      });
    } catch (error) {
      if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
        throw new Error(`Cannot use NATS at ${options.url}: it refuses user "${options.user ?? ""}"`);
      }
      if (performance.now() > end) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`Cannot reach NATS at ${options.url} within ${seconds} s: ${reason}`);
      }
    }
    await sleep(250);
  }
}
