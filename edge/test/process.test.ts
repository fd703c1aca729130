import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@row/tests/harness/ports.ts";
import { test } from "vitest";
import { bareStatus } from "./edge-under-test.ts";
import { ScriptedService } from "./scripted-service.ts";

const ports = await Promise.all(Array.from({ length: 10 }, freePort));
const at = (index: number) => `127.0.0.1:${ports[index]}`;
const environment = {
  LISTEN_ADDRESS: at(0),
  GRPC_LISTEN_ADDRESS: at(1),
  ADMIN_ADDRESS: at(2),
  AUTH_ADDRESS: at(3),
  CATALOG_ADDRESS: at(4),
  LOG_LEVEL: "info",
};

function start(changes: Record<string, string | undefined> = {}): ChildProcess {
  const env = { PATH: process.env.PATH, ...environment, ...changes };
  return spawn(process.execPath, ["src/main.ts"], { cwd: new URL("..", import.meta.url), env });
}

async function ended(edge: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = "";
  edge.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(edge, "close");
  return { code, stderr };
}

test("serves until SIGTERM, and then exits with 0", async (t) => {
  const edge = start();
  t.onTestFinished(() => void edge.kill("SIGKILL"));
  const end = ended(edge);
  for await (const chunk of edge.stdout ?? []) if (String(chunk).includes('"ready"')) break;
  assert.equal((await fetch(`http://${at(2)}/readyz`)).status, 200);
  assert.equal((await fetch(`http://${at(0)}/docs`)).status, 200);
  assert.equal((await fetch(`http://${at(0)}/v1/none`)).status, 404);
  // Only the services with an address are described.
  const { paths } = (await (await fetch(`http://${at(0)}/openapi.json`)).json()) as { paths: object };
  const described = Object.keys(paths);
  assert.ok(described.includes("/v1/products/{id}") && described.includes("/v1/auth/login"));
  assert.ok(!described.includes("/v1/orders"));
  assert.match(await (await fetch(`http://${at(2)}/metrics`)).text(), /http_server_request_duration_seconds/);
  edge.kill("SIGTERM");
  assert.deepEqual(await end, { code: 0, stderr: "" });
});

test("says in one line which variables are missing or wrong", async () => {
  const { code, stderr } = await ended(
    start({ LISTEN_ADDRESS: undefined, GRPC_LISTEN_ADDRESS: "here", CATALOG_ADDRESS: "there" }),
  );
  assert.equal(code, 1);
  assert.match(stderr, /^edge: Cannot start: [^\n]*\n$/);
  for (const problem of ["GRPC_LISTEN_ADDRESS must be", " LISTEN_ADDRESS is missing", "CATALOG_ADDRESS must be"]) {
    assert.ok(stderr.includes(problem), stderr);
  }
});

test("says in one line which port is taken", async () => {
  const squatter = createServer().listen(ports[0], "127.0.0.1");
  await once(squatter, "listening");
  const { code, stderr } = await ended(start());
  squatter.close();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^edge: Cannot listen: [^\\n]*:${ports[0]}\\n$`));
});

test("behind its sidecar: private sockets, the address that the sidecar has seen, retries as the file says", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "edge-"));
  t.onTestFinished(() => rm(folder, { recursive: true }));
  const http = join(folder, "http");
  const grpc = join(folder, "grpc");
  const authSocket = join(folder, "auth");
  const file = join(folder, "service-config.json");
  const auth = new ScriptedService("shop.auth.v1.AuthService", "auth/v1/auth-v1-1");
  await auth.listen(`unix:${authSocket}`);
  t.onTestFinished(() => auth.stop());
  const retryPolicy = { maxAttempts: 2, initialBackoff: "0.01s", maxBackoff: "0.1s", backoffMultiplier: 2 };
  const name = [{ service: "shop.auth.v1.AuthService", method: "Register" }];
  const methodConfig = [{ name, retryPolicy: { ...retryPolicy, retryableStatusCodes: ["UNAVAILABLE"] } }];
  await writeFile(file, JSON.stringify({ methodConfig }));
  const edge = start({
    LISTEN_ADDRESS: `unix:${http}`,
    GRPC_LISTEN_ADDRESS: `unix:${grpc}`,
    AUTH_ADDRESS: `unix:${authSocket}`,
    SERVICE_CONFIG_FILE: file,
    MESH: "on",
  });
  t.onTestFinished(() => void edge.kill("SIGKILL"));
  const end = ended(edge);
  for await (const chunk of edge.stdout ?? []) if (String(chunk).includes('"ready"')) break;
  for (const socket of [http, grpc]) assert.equal((await stat(socket)).mode & 0o777, 0o600);

  /** The id that the request of this client got. */
  const register = async (forwardedFor: string): Promise<string> => {
    auth.received.length = 0;
    const headers = { "x-forwarded-for": forwardedFor, "idempotency-key": "k", "content-type": "application/json" };
    const body = JSON.stringify({ email: "a@example.com", password: "correct horse", displayName: "A" });
    const asked = request({ socketPath: http, method: "POST", path: "/v1/auth/register", headers }).end(body);
    const [answer] = (await once(asked, "response")) as [IncomingMessage]; // as Node documents the event
    answer.resume();
    assert.equal(answer.statusCode, 200);
    assert.equal(auth.received.at(-1)?.metadata.get("l5d-client-id").length, 0, "its sidecar says who it is");
    return auth.requestAt<{ requestId: string }>(auth.received.length - 1).requestId;
  };
  auth.on("register", () => ({}));
  const first = await register("10.0.0.1");
  assert.equal(await register("10.9.9.9, 10.0.0.1"), first, "what a client claims is not its address");
  assert.notEqual(await register("10.0.0.1, 10.0.0.2"), first);

  let failures = 1;
  auth.on("register", () => {
    failures -= 1;
    if (failures >= 0) throw bareStatus(14, "not now");
    return {};
  });
  await register("10.0.0.1");
  assert.equal(auth.received.length, 2);
  edge.kill("SIGTERM");
  assert.deepEqual(await end, { code: 0, stderr: "" });
  await assert.rejects(stat(http), { code: "ENOENT" });
});
