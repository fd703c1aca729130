/** A grpc-js client that follows its service config: a new one takes over, the old one ends with its last call. */
import { type ChannelOptions, Client, credentials } from "@grpc/grpc-js";
import type { ServiceConfigFile } from "./retry-config.ts";

/** How long a new connection may take before calls wait for it. */
const READY_MS = 2_000;

const CHANNEL: ChannelOptions = {
  "grpc.enable_channelz": 0,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.min_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // From the resolver, that is: a file's is given as it is. Retries stay enabled even without one, since they include
  // the streams that a peer refuses while it reloads; they cost nothing that can be measured, with a policy or without.
  "grpc.service_config_disable_resolution": 1,
  // By itself grpc-js stops after five attempts, whatever the policy says.
  "grpc-node.retry_max_attempts_limit": 65_536,
};

/** A client for as long as one call lasts. */
export interface Lease {
  readonly client: Client;
  /** To be called once, when the call has ended. */
  release(): void;
}

/** Where all calls to one service go. */
export class ReloadingClient {
  readonly #address: string;
  readonly #unfollow: (() => void) | undefined;
  #current: Generation;
  /** Connecting, to take over. */
  #next: Client | undefined;

  constructor(address: string, serviceConfig?: ServiceConfigFile) {
    this.#address = address;
    this.#current = new Generation(this.#open(serviceConfig?.current));
    this.#unfollow = serviceConfig?.follow((config) => this.#replace(config));
  }

  lease(): Lease {
    return this.#current.lease();
  }

  /** Cuts nothing off: what is in flight ends by itself. */
  close(): void {
    this.#unfollow?.();
    this.#next?.close();
    this.#next = undefined;
    this.#current.client.close();
  }

  #open(config: string | undefined): Client {
    const options = config === undefined ? CHANNEL : { ...CHANNEL, "grpc.service_config": config };
    return new Client(this.#address, credentials.createInsecure(), options);
  }

  #replace(config: string | undefined): void {
    this.#next?.close();
    const next = this.#open(config);
    this.#next = next;
    // Ready or not: without the peer the old connection is no better.
    next.waitForReady(Date.now() + READY_MS, () => {
      if (this.#next !== next) return;
      this.#next = undefined;
      const old = this.#current;
      this.#current = new Generation(next);
      old.retire();
    });
  }
}

/** One client and its calls. */
class Generation implements Lease {
  readonly client: Client;
  #calls = 0;
  #isRetired = false;

  constructor(client: Client) {
    this.client = client;
  }

  lease(): Lease {
    this.#calls += 1;
    return this;
  }

  release(): void {
    this.#calls -= 1;
    this.#closeIfUnused();
  }

  retire(): void {
    this.#isRetired = true;
    this.#closeIfUnused();
  }

  /** A closed client gives up on calls that wait to be tried again. */
  #closeIfUnused(): void {
    if (this.#isRetired && this.#calls === 0) this.client.close();
  }
}
