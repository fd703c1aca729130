import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, status } from "@grpc/grpc-js";
import { identityOf } from "@row/runtime/names.ts";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { allow, resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { ask, channel, outboundOf, serve, watch } from "./tiny-app.ts";

const CATALOG = "shop.catalog.v1.CatalogService";
const GET = `/${CATALOG}/GetProduct`;
const CREATE = `/${CATALOG}/CreateProduct`;
const STOCK = "/shop.inventory.v1.InventoryService/GetStock";
const HEALTH = "/grpc.health.v1.Health/Check";
const METHOD = (method: string) => `{ matches: [{ method: { service: ${CATALOG}, method: ${method} } }] }`;

let lab: SidecarLab;
let catalog: Workload;
let edge: Workload;
let laptop: Client;
let anyService: (authority?: string) => Client;

beforeAll(async () => {
  lab = await SidecarLab.open();
  catalog = await lab.add({ service: "catalog", laptopPorts: 1 });
  const second = await lab.add({ service: "catalog", version: "v2" });
  const inventory = await lab.add({ service: "inventory" });
  const toolbox = await lab.add({ service: "toolbox", isToolbox: true, calls: ["catalog", "inventory"] });
  edge = await lab.add({ service: "edge", laptopPorts: 2, hasHttp: true, calls: ["catalog"] });
  for (const workload of [catalog, second]) await serve(lab, workload, [GET, CREATE, HEALTH]);
  await serve(lab, inventory, [STOCK, HEALTH]);
  await serve(lab, edge, [GET]);
  await serveHttp(edge);
  const lookingAround =
    "{ matches: [{ method: { service: grpc.health.v1.Health } }, { method: { service: row.Stream } }] }";
  await lab.up(
    resources(
      services("catalog", "v1", "v2"),
      services("inventory"),
      services("edge"),
      server("catalog", { accessPolicy: "deny" }),
      server("inventory"),
      allow("catalog-for-all", "catalog", [METHOD("GetProduct"), lookingAround], ["edge", "toolbox"]),
      allow("catalog-for-services", "catalog", [METHOD("CreateProduct")], ["orders"]),
      route("catalog", "catalog", [`{ ${to("catalog-v1=1", "catalog-v2=1")} }`]),
    ),
  );
  laptop = channel(lab, `127.0.0.1:${catalog.laptopPorts[0]}`);
  anyService = (authority) =>
    channel(lab, `127.0.0.1:${toolbox.anyServicePort}`, authority ? { "grpc.default_authority": authority } : {});
});

afterAll(() => lab.close());

/** Answers with what it was sent. */
async function serveHttp({ httpSocket }: Workload): Promise<void> {
  const app = createServer((incoming, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ url: incoming.url, version: incoming.httpVersion, headers: incoming.headers }));
  });
  app.keepAliveTimeout = 0;
  app.listen(httpSocket);
  await once(app, "listening");
  lab.onClose(() => {
    app.closeAllConnections();
    app.close();
  });
}

test("the laptop port takes what the toolbox may call, from nobody in particular", async () => {
  const answer = await ask(laptop, GET);
  assert.equal(answer.by, "catalog-v1-1");
  assert.equal(answer.seen["l5d-client-id"], undefined);
  assert.equal((await ask(laptop, HEALTH)).code, status.OK);
});

test("what is for services only is refused on the laptop port, whatever the caller says of itself", async () => {
  assert.equal((await ask(laptop, CREATE)).code, status.PERMISSION_DENIED);
  const spoofed = { "l5d-client-id": identityOf("orders") };
  assert.equal((await ask(laptop, CREATE, spoofed)).code, status.PERMISSION_DENIED);
  assert.equal((await ask(laptop, "/shop.catalog.v1.CatalogService/Unheard")).code, status.NOT_FOUND);
});

test("a stream through the laptop port says its first word at once and stays open", async () => {
  const first = await new Promise<string>((resolve) => {
    const stream = watch(laptop, (message) => {
      resolve(message);
      stream.cancel();
    });
  });
  assert.equal(first, "catalog-v1-1");
});

test("the toolbox finds the service by the method, and sees the split", async () => {
  const client = anyService();
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask(client, GET)));
  assert.deepEqual([...new Set(answers.map(({ by }) => by))].sort(), ["catalog-v1-1", "catalog-v2-1"]);
  assert.equal(answers[0]?.seen["l5d-client-id"], identityOf("toolbox"));
  assert.equal((await ask(client, STOCK)).by, "inventory-v1-1");
  assert.equal((await ask(client, CREATE)).code, status.PERMISSION_DENIED);
});

test("the toolbox finds the service of health checks by the authority, or says what to set", async () => {
  for (const authority of ["inventory", "inventory:50051"]) {
    assert.equal((await ask(anyService(authority), HEALTH)).by, "inventory-v1-1");
  }
  const answer = await ask(anyService(), HEALTH);
  assert.equal(answer.code, status.NOT_FOUND);
  assert.match(answer.details, /set the authority to the service's name/);
});

test("the edge's ports carry HTTP and gRPC, and replace what clients claim", async () => {
  const spoofed = { "x-forwarded-for": "10.9.8.7", "l5d-client-id": identityOf("orders") };
  for (const port of edge.laptopPorts) {
    const body = await httpGet(port, "/v1/products?pageSize=3", spoofed);
    assert.equal(body.url, "/v1/products?pageSize=3");
    assert.equal(body.headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(body.headers["l5d-client-id"], undefined);
    const answer = await ask(channel(lab, `127.0.0.1:${port}`), GET, spoofed);
    assert.equal(answer.by, "edge-v1-1");
    assert.equal(answer.seen["x-forwarded-for"], "127.0.0.1");
    assert.equal(answer.seen["l5d-client-id"], undefined);
  }
});

test("gRPC-Web and Connect are the edge's HTTP", async () => {
  const [port = 0] = edge.laptopPorts;
  for (const type of ["application/grpc-web+proto", "application/json", "application/connect+proto"]) {
    const body = await httpGet(port, GET, { "content-type": type });
    assert.equal(body.headers["content-type"], type);
  }
});

test("a connection of HTTP/1.1 that waits for its next request outlives a reload, and is told then", async () => {
  const socket = connect({ port: edge.laptopPorts[0] ?? 0, host: "127.0.0.1" });
  const closed = once(socket, "close").then(() => ["closed before the answer"]);
  const get = async () => {
    socket.write("GET /v1/products HTTP/1.1\r\nhost: edge\r\n\r\n");
    const [answer] = await Promise.race([once(socket, "data"), closed]);
    return String(answer);
  };
  assert.match(await get(), /^HTTP\/1\.1 200 OK/);
  await lab.reloadOne(edge);
  await sleep(100);
  const answer = await get();
  assert.match(answer, /^HTTP\/1\.1 200 OK/);
  assert.match(answer, /^connection: close\r$/m);
  socket.destroy();
});

function httpGet(port: number, path: string, headers: Record<string, string>) {
  return new Promise<{ url: string; headers: Record<string, string> }>((resolve, reject) => {
    request({ port, path, headers, host: "127.0.0.1" }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text)));
    })
      .on("error", reject)
      .end();
  });
}

test("nothing of a sidecar can be opened by other users", () => {
  for (const { sidecar } of lab.workloads) {
    for (const socket of [sidecar.statsSocket, ...Object.values(sidecar.outboundSockets)]) {
      assert.equal(statSync(socket).mode & 0o777, 0o600, socket);
    }
  }
});

test("an outbound call of the edge shows the edge's identity", async () => {
  const answer = await ask(outboundOf(lab, edge, "catalog"), GET, { "l5d-client-id": identityOf("orders") });
  assert.equal(answer.seen["l5d-client-id"], identityOf("edge"));
});
