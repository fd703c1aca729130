import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Secrets } from "../secrets.ts";
import { logFile } from "../state-dir.ts";
import type { ProcessSpec } from "../supervisor/supervised-process.ts";

/** What may never be lost (carts, limits) and what may be forgotten at any time live in servers of their own. */
export type RedisKind = "redis-durable" | "redis-cache";

const POLICIES: Record<RedisKind, string[]> = {
  "redis-durable": ["appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"],
  "redis-cache": ["appendonly no", "maxmemory 64mb", "maxmemory-policy allkeys-lru"],
};

export const REDIS_ADMIN = "row";

export function prepareRedis(
  program: string,
  stateDir: string,
  kind: RedisKind,
  port: number,
  secrets: Secrets,
): ProcessSpec {
  const folder = join(stateDir, kind);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const password = secrets.get(`${kind}/${REDIS_ADMIN}`);
  const hash = createHash("sha256").update(password).digest("hex");
  const lines = [
    "bind 127.0.0.1",
    `port ${port}`,
    `dir "${folder}"`,
    "daemonize no",
    'save ""',
    "user default off",
    `user ${REDIS_ADMIN} on #${hash} ~* &* +@all`,
    ...POLICIES[kind],
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
