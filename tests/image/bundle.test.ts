/** What production images run, started as the Dockerfile starts it, outside of any container. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { afterAll, beforeAll, test } from "vitest";
import { freePort } from "../harness/ports.ts";
import { startServices } from "../harness/service-under-test.ts";

const root = resolve(import.meta.dirname, "../..");
/** The /app of an image. */
const app = mkdtempSync(join(tmpdir(), "row-test-bundle-"));
const service = join(app, "service");
/** Whatever is not plain JavaScript is refused. */
const PLAIN = { NODE_OPTIONS: "--no-strip-types" };

beforeAll(() => {
  for (const [script, ...args] of [
    ["image-packages", "inventory", app],
    ["image-sources", "inventory", app],
    ["image-bundle", app],
  ]) {
    execFileSync(process.execPath, [join(root, `scripts/${script}.ts`), ...args]);
  }
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

/** What production starts: the last entry point of the Dockerfile, where its /app is here. */
function entryPoint(): string[] {
  const entries = [...readFileSync(join(root, "Dockerfile"), "utf8").matchAll(/^ENTRYPOINT (\[.*\])$/gm)];
  const [program, ...args]: string[] = JSON.parse(entries.at(-1)?.[1] ?? "[]");
  assert.equal(program, "node");
  return args.map((arg) => arg.replace(/^\/app\//, `${app}/`));
}

test("an image's service starts from plain JavaScript, answers, and stops when it is told to", async () => {
  const services = await startServices({ services: ["inventory"] });
  let started: ChildProcess | undefined;
  try {
    const [grpc, admin] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const env = {
      ...services.shop.infrastructure.environmentOf("inventory"),
      ...{ LISTEN_ADDRESS: grpc, ADMIN_ADDRESS: admin, INSTANCE: "inventory-image", ...PLAIN },
    };
    started = spawn(process.execPath, entryPoint(), { cwd: service, env, stdio: ["ignore", "inherit", "inherit"] });
    const ended = once(started, "exit");
    await ready(admin, started);
    const token = await services.auth.tokenFor({ roles: ["merchant"] });
    const client = services.clientAt(grpc, InventoryServiceService, { service: "edge", token });
    const delivery = { productId: randomUUIDv7(), delta: 3n, reason: "delivery", requestId: randomUUIDv7() };
    const { stock } = await client.adjustStock(delivery);
    assert.equal(stock?.onHand, 3n);
    started.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  } finally {
    started?.kill("SIGKILL");
    await services.stop();
  }
});

test("a stack of an image's service names lines of the TypeScript, which is there", () => {
  const stack =
    'const { exit } = process; process.exit = (code) => { console.error(new Error("left").stack); exit(code); };';
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(stack)}`, ...entryPoint()],
    { cwd: service, env: PLAIN, encoding: "utf8", timeout: 20_000 },
  );
  assert.equal(status, 1, stderr);
  const named = [...stderr.matchAll(/(\/\S+\.m?[jt]s):\d+:\d+/g)].map(([, file = ""]) => file);
  assert.ok(named.includes(join(app, "runtime/src/run-service.ts")), stderr);
  assert.deepEqual(
    named.filter((file) => file.startsWith(app) && !existsSync(file)),
    [],
  );
});

test("every line of the bundle is of a file that the image has", () => {
  const map = join(app, "bundle/main.program.mjs.map");
  const { sources }: { sources: string[] } = JSON.parse(readFileSync(map, "utf8"));
  assert.ok(sources.length > 50, `${sources.length} files`);
  assert.deepEqual(
    sources.filter((file) => !existsSync(join(dirname(map), file))),
    [],
  );
});

const START_MS = 20_000;

async function ready(admin: string, process: ChildProcess): Promise<void> {
  for (const end = Date.now() + START_MS; process.exitCode === null; await sleep(50)) {
    const isReady = await fetch(`http://${admin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    assert.ok(Date.now() < end, `is not ready after ${START_MS / 1_000} s`);
  }
  assert.fail(`ended with exit code ${process.exitCode}`);
}
