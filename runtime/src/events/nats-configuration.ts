import { natsPermissions } from "./stream-names.ts";

/** A user of the server; without permissions it may do everything. */
export interface NatsUser {
  readonly user: string;
  /** The password itself, or "$NAME" for one that the server takes from its environment. */
  readonly password: string;
  readonly permissions?: ReturnType<typeof natsPermissions>;
}

export interface NatsServer {
  /** Where clients connect, "127.0.0.1:4222". */
  readonly listen: string;
  /** Where /healthz and the statistics are. */
  readonly http: string;
  /** The folder of JetStream's files. */
  readonly store: string;
  /** The most that all streams together may hold, in bytes. */
  readonly maxFileStore: number;
}

/** A service's own user, with the least that it needs. */
export function natsUser(service: string, consumes: readonly string[], password: string): NatsUser {
  return { user: service, password, permissions: natsPermissions({ service, consumes }) };
}

/** nats-server's configuration: JetStream on disk, and nobody without a password. */
export function natsConfiguration(
  { listen, http, store, maxFileStore }: NatsServer,
  users: readonly NatsUser[],
): string {
  // The server reads a superset of JSON.
  const configuration = {
    listen,
    http,
    server_name: "canary-row",
    jetstream: { store_dir: store, max_memory_store: 64 * 1024 ** 2, max_file_store: maxFileStore },
    authorization: { users },
  };
  // A variable is one only where it stands without quotes.
  const text = JSON.stringify(configuration, null, 2).replaceAll(/("password": )"(\$[A-Z_0-9]+)"/g, "$1$2");
  return `${text}\n`;
}
