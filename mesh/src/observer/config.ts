import { address, parseEnv, text } from "@row/runtime/config.ts";

/** Where a port on loopback is. */
export interface Loopback {
  readonly host: string;
  readonly port: number;
}

export interface ObserverConfig {
  /** Where sidecars send request lines, over UDP. */
  readonly log: Loopback;
  /** /metrics, the OTLP receiver and what the command line asks. */
  readonly http: Loopback;
  /** Keeps the traces. */
  readonly dataDir: string;
  /** Written by the supervisor: see sidecars-file.ts. */
  readonly sidecarsFile: string;
}

const variables = {
  log: loopback("OBSERVER_LOG_ADDRESS"),
  http: loopback("OBSERVER_HTTP_ADDRESS"),
  dataDir: text("OBSERVER_DATA_DIR"),
  sidecarsFile: text("OBSERVER_SIDECARS_FILE"),
};

/** Throws one ConfigError that lists every bad variable. */
export function observerConfig(env: NodeJS.ProcessEnv): ObserverConfig {
  return parseEnv(variables, env);
}

/** What passes through the mesh is nobody else's: no other address is listened on. */
function loopback(name: string) {
  const inner = address(name);
  return {
    name,
    fallback: undefined,
    parse(value: string): Loopback {
      const [host = "", port = ""] = inner.parse(value).split(":");
      if (host !== "127.0.0.1" || Number(port) < 1 || Number(port) > 65_535) throw new Error("must be 127.0.0.1:port");
      return { host, port: Number(port) };
    },
  };
}
