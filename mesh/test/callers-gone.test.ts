/** A caller that has gone is noticed within a second, through both sidecars: what nobody waits for is not worked on. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import http2 from "node:http2";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { type App, outboundOf, serve, watch } from "./tiny-app.ts";

const GET = "/shop.catalog.v1.CatalogService/GetProduct";
const CALLERS = 40;

let lab: SidecarLab;
let cart: Workload;
let app: App;
let edge: Workload;
/** Requests that the edge's HTTP has and does not answer, and how many of them it knows to be given up. */
const http1 = { open: 0, left: 0 };

beforeAll(async () => {
  lab = await SidecarLab.open();
  const catalog = await lab.add({ service: "catalog" });
  cart = await lab.add({ service: "cart", calls: ["catalog"] });
  app = await serve(lab, catalog, [GET]);
  edge = await lab.add({ service: "edge", laptopPorts: 2, hasHttp: true });
  const door = createServer((_request, response) => {
    http1.open += 1;
    response.on("close", () => {
      http1.left += 1;
    });
  }).listen(edge.httpSocket);
  lab.onClose(() => door.closeAllConnections());
  lab.onClose(() => void door.close());
  await lab.up(
    resources(
      services("catalog", "v1"),
      services("cart"),
      services("edge"),
      server("catalog"),
      route("all", "catalog", [`{ ${to("catalog-v1")} }`]),
    ),
  );
});

afterAll(() => lab.close());

test("calls whose callers hang up", async () => {
  const client = outboundOf(lab, cart, "catalog");
  const [calls, left] = [app.calls(), app.left()];
  const cancels = Array.from({ length: CALLERS }, () => begin(client));
  await until(() => app.calls() === calls + CALLERS, "they arrive");
  for (const cancel of cancels) cancel();
  await noticed(() => app.left() - left);
});

test("calls of a caller whose connection breaks", async () => {
  const [calls, left] = [app.calls(), app.left()];
  const socket = connect(cart.sidecar.outboundSockets.catalog ?? "");
  const session = http2.connect("http://catalog", { createConnection: () => socket });
  session.on("error", () => {});
  const request = { ":method": "POST", ":path": GET, "content-type": "application/grpc", te: "trailers" };
  for (let call = 0; call < CALLERS; call += 1) {
    const stream = session.request({ ...request, "x-wait-ms": "10000" });
    stream.on("error", () => {});
    stream.end(Buffer.alloc(5)); // an empty message
  }
  await until(() => app.calls() === calls + CALLERS, "they arrive");
  socket.destroy();
  await noticed(() => app.left() - left);
});

test("requests over HTTP/1.1 whose clients hang up, at the front door", async () => {
  const sockets = Array.from({ length: CALLERS }, () => connect({ port: edge.laptopPorts[0] ?? 0, host: "127.0.0.1" }));
  for (const socket of sockets) {
    socket.write("POST /v1/auth/login HTTP/1.1\r\nhost: edge\r\ncontent-length: 2\r\n\r\n{}");
  }
  await until(() => http1.open === CALLERS, "they arrive");
  for (const socket of sockets) socket.destroy();
  await noticed(() => http1.left);
});

test("streams whose readers close them", async () => {
  const client = outboundOf(lab, cart, "catalog");
  const left = app.left();
  let open = 0;
  const streams = Array.from({ length: CALLERS }, () =>
    watch(client, () => {
      open += 1;
    }),
  );
  await until(() => open === CALLERS, "they open");
  for (const stream of streams) stream.cancel();
  await noticed(() => app.left() - left);
});

/** Begins a call that the app takes ten seconds for; returns what hangs up. */
function begin(client: Client): () => void {
  const metadata = new Metadata();
  metadata.set("x-wait-ms", "10000");
  const asIs = (bytes: Buffer) => bytes;
  const call = client.makeUnaryRequest(GET, asIs, asIs, Buffer.alloc(0), metadata, () => {});
  return () => call.cancel();
}

async function noticed(count: () => number): Promise<void> {
  const end = performance.now() + 1_000;
  while (count() < CALLERS && performance.now() < end) await sleep(20);
  assert.equal(count(), CALLERS, "noticed within a second");
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 500, `${what}: not within ten seconds`);
    await sleep(20);
  }
}
