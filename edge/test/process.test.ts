import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";

const BASE = 16070;
const at = (offset: number) => `127.0.0.1:${BASE + offset}`;
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
  t.after(() => edge.kill("SIGKILL"));
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
  assert.match(await (await fetch(`http://${at(2)}/metrics`)).text(), /rpc_server_duration/);
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
  const squatter = createServer().listen(BASE, "127.0.0.1");
  await once(squatter, "listening");
  const { code, stderr } = await ended(start());
  squatter.close();
  assert.equal(code, 1);
  assert.match(stderr, /^edge: Cannot listen: [^\n]*:16070\n$/);
});
