import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import { listenAt } from "../src/rpc/listen.ts";
import { GrpcServer } from "../src/rpc/server.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";

const folder = mkdtempSync(join(tmpdir(), "unix-socket-"));
const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
afterAll(async () => {
  await telemetry.stop();
  rmSync(folder, { recursive: true });
});

function newServer(): GrpcServer {
  const log = createLogger({}, "silent");
  return new GrpcServer({ telemetry, log, servedBy: "test", verifier: undefined, maxConcurrent: 1 });
}

test("a socket that a killed process left behind is taken over, and gone after the end", async () => {
  const path = join(folder, "stale");
  const code = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", code]), "exit");
  assert.ok(existsSync(path));
  const server = newServer();
  await server.listen(`unix:${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await server.drain(100);
  assert.equal(existsSync(path), false);
});

test("a socket that somebody serves is left to them", async () => {
  const path = join(folder, "busy");
  const other = createServer().listen(path);
  await once(other, "listening");
  await assert.rejects(newServer().listen(`unix:${path}`), /another process listens there, stop it first/);
  assert.ok(existsSync(path));
  other.close();
});

test("a file that is no socket is left alone", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "mine");
  await assert.rejects(
    listenAt(`unix:${path}`, () => Promise.reject(new Error("bound"))),
    /not a socket, remove it/,
  );
  assert.ok(existsSync(path));
});

test("a port needs nothing of this", async () => {
  let isBound = false;
  await listenAt("127.0.0.1:1", async () => {
    isBound = true;
  });
  assert.ok(isBound);
});
