/** Which calls are tried again, and when: a gRPC service config, in a file that may change while the process runs. */
import { readFileSync } from "node:fs";
import { Client, credentials } from "@grpc/grpc-js";
import { followFile } from "../followed-file.ts";
import type { Logger } from "../telemetry/logger.ts";

/** A file's service config, followed: `current` is the last good one. */
export class ServiceConfigFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #listeners = new Set<(config: string | undefined) => void>();
  readonly #stopFollowing: () => void;
  #seen: string | undefined;
  #current: string | undefined;

  /** A file that is missing or broken means no retries until it is there; that is logged and no error. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#stopFollowing = followFile(
      path,
      () => this.#read(),
      (error) => this.#warn(error),
    );
    this.#read();
  }

  /** JSON as `grpc.service_config` takes it; undefined when there has been none yet. */
  get current(): string | undefined {
    return this.#current;
  }

  /** Calls `listener` with each new config; returns what ends that. */
  follow(listener: (config: string | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stopFollowing();
    this.#listeners.clear();
  }

  #read(): void {
    try {
      const text = readFileSync(this.#path, "utf8");
      if (text === this.#seen) return;
      this.#seen = text;
      check(text);
      this.#current = text;
      for (const listener of this.#listeners) listener(text);
    } catch (err) {
      this.#warn(err);
    }
  }

  #warn(err: unknown): void {
    const rest = this.#current === undefined ? "no call is tried again" : "the last good one stays";
    this.#log.warn({ err, file: this.#path }, `the service config cannot be used: ${rest}`);
  }
}

/** Throws what grpc-js would throw. Nothing is connected. */
function check(config: string): void {
  new Client("unix:/nowhere", credentials.createInsecure(), {
    "grpc.service_config": config,
    "grpc.enable_channelz": 0,
  }).close();
}
