import { mkdirSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import { connectAsAdmin } from "../provision/streams.ts";
import type { Secrets } from "../secrets.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec } from "../supervisor/supervised-process.ts";
import { laptopNatsConfiguration, natsConfigurationFile, natsStore } from "./nats-configuration.ts";

/** Writes the server's configuration, users included, and answers how to run it. */
export function prepareNats(
  program: string,
  stateDir: string,
  ports: { nats: number; natsMonitor: number },
  secrets: Secrets,
  services: ServiceManifest[],
): ProcessSpec {
  mkdirSync(natsStore(stateDir), { recursive: true, mode: 0o700 });
  const file = natsConfigurationFile(stateDir);
  writeFileSync(file, laptopNatsConfiguration(ports, stateDir, secrets, services), { mode: 0o600 });
  return {
    name: "nats",
    service: "nats",
    version: "2",
    command: program,
    args: ["--config", file],
    cwd: stateDir,
    env: { TZ: "UTC" },
    addresses: { nats: `127.0.0.1:${ports.nats}`, monitor: `127.0.0.1:${ports.natsMonitor}` },
    logFile: logFile(stateDir, "nats"),
    isReady: () => healthy(`http://127.0.0.1:${ports.natsMonitor}/healthz`),
    isAlive: () => stores(ports.nats, secrets),
  };
}

const PROBE_MS = 1_500;
/** Holds one message, that was published to see whether it would be stored. */
export const PROBE_STREAM = "ROW_PROBE";
const PROBE_SUBJECT = "row.probe";

/** Whether JetStream takes a message and says so: a server whose JetStream hangs still answers /healthz with 200. */
async function stores(port: number, secrets: Secrets): Promise<boolean> {
  const connection = await connectAsAdmin(port, secrets);
  try {
    const publish = () => jetstream(connection, { timeout: PROBE_MS }).publish(PROBE_SUBJECT);
    await publish().catch(async () => {
      // There is no stream yet that would take it.
      const { streams } = await jetstreamManager(connection, { timeout: PROBE_MS });
      await streams.add({ name: PROBE_STREAM, subjects: [PROBE_SUBJECT], max_msgs: 1 });
      await publish();
    });
    return true;
  } finally {
    await connection.close();
  }
}

/** Whether an HTTP address answers 200 within a second. */
export function healthy(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 1_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
  });
}
