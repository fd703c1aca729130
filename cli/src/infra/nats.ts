import { mkdirSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import type { Secrets } from "../secrets.ts";
import type { ServiceManifest } from "../service-manifest.ts";
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
  };
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
