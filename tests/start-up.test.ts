import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { installationAt, realPort } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { processEnvironment } from "@row/laptop/shop/service-process.ts";
import { prepareStateDir } from "@row/laptop/state-dir.ts";
import { removeState, startInfrastructure } from "@row/laptop/stores/infrastructure.ts";
import { postgresHome } from "@row/laptop/stores/postgres-home.ts";
import { discoverServices, isMeshed, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { afterAll, test } from "vitest";
import { portBase } from "./harness/ports.ts";

// Programs that are missing: laptop/test/refusals.test.ts.

const root = resolve(import.meta.dirname, "..");
const PORT_BASE = await portBase();
const stateDir = mkdtempSync(join(tmpdir(), "row-start-up-"));
const installation = installationAt({ root, stateDir, portBase: PORT_BASE });
const services = discoverServices(root);
afterAll(() => removeState(stateDir));

interface End {
  code: number | null;
  output: string;
}

async function runUntilItEnds(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<End> {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: child.exitCode, output: out + err };
}

function rowUp(env: NodeJS.ProcessEnv): Promise<End> {
  return runUntilItEnds([join(root, "cli/src/main.ts"), "up"], root, { PATH: process.env.PATH, ...env });
}

function hasNoStack({ output }: End): void {
  assert.doesNotMatch(output, /^\s+at .+:\d+/m, output);
  assert.doesNotMatch(output, /"stack"|\\n\s+at /, output);
}

test("npm start on a taken port names the port, what wants it and who has it", async (context) => {
  const catalog = services.find(({ name }) => name === "catalog");
  const port = realPort(installation, catalog?.port ?? 0);
  const taker = createServer().listen(port, "127.0.0.1");
  context.onTestFinished(() => void taker.close());
  await once(taker, "listening");
  assert.equal((taker.address() as AddressInfo).port, port);
  const end = await rowUp({ ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(PORT_BASE) });
  assert.equal(end.code, 1);
  const owner = process.platform === "linux" ? `pid ${process.pid} ` : "";
  assert.match(end.output, new RegExp(`Port ${port} \\(catalog.*\\) is taken by ${owner}`));
  assert.match(end.output, /ROW_PORT_BASE/);
  hasNoStack(end);
  assert.ok(!existsSync(join(stateDir, "processes.json")), "nothing is left running");
});

test("npm start where no state can be kept says where, why and what to do", async () => {
  const file = join(stateDir, "a-file");
  writeFileSync(file, "");
  const end = await rowUp({ ROW_STATE_DIR: join(file, "state") });
  assert.equal(end.code, 1);
  assert.match(end.output, /^Cannot keep state in .*a-file\/state: .*ROW_STATE_DIR\n$/);
  hasNoStack(end);
});

test("npm start with a port base that is none says which are", async () => {
  const end = await rowUp({ ROW_STATE_DIR: stateDir, ROW_PORT_BASE: "80" });
  assert.equal(end.code, 1);
  assert.match(end.output, /^Cannot use ROW_PORT_BASE=80: .*1024.*\n$/);
  hasNoStack(end);
});

test("a database whose files are broken ends the start with one message that points to its log", async () => {
  const own = mkdtempSync(join(tmpdir(), "row-start-up-"));
  const place = { root, stateDir: own, portBase: await portBase(), services: [] };
  const stores = await startInfrastructure(place);
  await stores.stop();
  rmSync(join(postgresHome(own).data, "global"), { recursive: true });
  try {
    await assert.rejects(startInfrastructure(place), (error: Error) => {
      assert.equal(error.name, "RowError");
      assert.match(error.message, /^postgres .*global/);
      assert.match(error.message, /logs\/postgres\.log/);
      return true;
    });
  } finally {
    removeState(own);
  }
});

test("every service whose database is down gives up when it has tried for 15 s, with one message for people", async () => {
  const withDatabase = services.filter(({ postgres }) => postgres);
  assert.ok(withDatabase.length >= 5);
  prepareStateDir(stateDir);
  const ends = await Promise.all(withDatabase.map((service) => startAlone(service, environmentOf(service))));
  for (const [index, end] of ends.entries()) {
    const name = withDatabase[index]?.name;
    assert.equal(end.code, 1, `${name}: ${end.output}`);
    assert.match(lastLine(end), /Cannot reach Postgres at .*127\.0\.0\.1:\d+.* for 15 s: /, `${name}`);
    hasNoStack(end);
  }
});

test("every service that is told nothing lists everything it must be told, at once", async () => {
  const inside = services.filter(isMeshed);
  const ends = await Promise.all(inside.map((service) => startAlone(service, { PATH: process.env.PATH ?? "" })));
  for (const [index, end] of ends.entries()) {
    const { name, postgres } = inside[index] as ServiceManifest; // one end each
    assert.equal(end.code, 1, `${name}: ${end.output}`);
    const wanted = ["LISTEN_ADDRESS", ...(postgres ? ["DATABASE_URL", "NATS_URL"] : [])];
    for (const variable of wanted) assert.ok(lastLine(end).includes(variable), `${name}: ${end.output}`);
    hasNoStack(end);
  }
});

function environmentOf(service: ServiceManifest): Record<string, string> {
  return processEnvironment(service, services, installation, new Secrets(stateDir));
}

function startAlone({ folder }: ServiceManifest, env: Record<string, string>): Promise<End> {
  return runUntilItEnds(["src/main.ts"], folder, env);
}

function lastLine({ output }: End): string {
  return output.trimEnd().split("\n").at(-1) ?? "";
}
