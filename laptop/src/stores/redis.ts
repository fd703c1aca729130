/** Redis on the laptop: the durable server and the cache, each with a user for every service that uses it. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { REDIS_ADMIN, REDIS_POLICIES, redisRights } from "@row/topology/redis.ts";
import type { RedisUse, ServiceManifest } from "@row/topology/service-manifest.ts";
import type { Secrets } from "../secrets.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec } from "../supervisor/supervised-process.ts";
import type { StorePorts } from "./ports.ts";

export function redisName(use: RedisUse): string {
  return `redis-${use}`;
}

/** Where a service finds its Redis, with the name and password of its own user. */
export function redisUrl(service: string, use: RedisUse, ports: StorePorts, secrets: Secrets): string {
  return `redis://${service}:${passwordOf(service, use, secrets)}@127.0.0.1:${redisPort(use, ports)}`;
}

/** One of the two servers, with an ACL user for every service that keeps something there. */
export function prepareRedis(
  program: string,
  stateDir: string,
  use: RedisUse,
  ports: StorePorts,
  secrets: Secrets,
  services: readonly ServiceManifest[],
): ProcessSpec {
  const kind = redisName(use);
  const port = redisPort(use, ports);
  const folder = join(stateDir, kind);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const password = passwordOf(REDIS_ADMIN, use, secrets);
  const users = [REDIS_ADMIN, ...services.filter(({ redis }) => redis.includes(use)).map(({ name }) => name)];
  const lines = [
    "bind 127.0.0.1",
    `port ${port}`,
    `dir "${folder}"`,
    "daemonize no",
    'save ""',
    "user default off",
    ...users.map((user) => `user ${user} on #${sha256(passwordOf(user, use, secrets))} ~* &* ${redisRights(user)}`),
    ...REDIS_POLICIES[use],
  ];
  const file = join(stateDir, `${kind}.conf`);
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  return {
    name: kind,
    service: kind,
    version: "7",
    command: program,
    args: [file],
    cwd: folder,
    env: { TZ: "UTC" },
    addresses: { redis: `127.0.0.1:${port}` },
    logFile: logFile(stateDir, kind),
    isReady: () => answersPing(port, password),
    isAlive: () => answersPing(port, password, "SET row:probe 1 EX 60\r\n"),
  };
}

function redisPort(use: RedisUse, ports: StorePorts): number {
  return use === "durable" ? ports.redisDurable : ports.redisCache;
}

function passwordOf(user: string, use: RedisUse, secrets: Secrets): string {
  return secrets.get(`${redisName(use)}/${user}`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Asks in Redis's own protocol, because a server that still loads its file listens already. */
function answersPing(port: number, password: string, before = ""): Promise<boolean> {
  return new Promise((resolve) => {
    let heard = "";
    const socket = connect({ port, host: "127.0.0.1", timeout: 1_000 });
    const answer = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.once("connect", () => socket.write(`AUTH ${REDIS_ADMIN} ${password}\r\n${before}PING\r\n`));
    socket.on("data", (chunk) => {
      heard += chunk;
      if (heard.includes("+PONG")) answer(true);
      else if (heard.includes("-")) answer(false);
    });
    socket.once("timeout", () => answer(false));
    socket.once("error", () => answer(false));
    socket.once("close", () => resolve(false));
  });
}
