/** Connections to sidecars have clocks, and no address has all of them: whoever holds many without using them keeps nobody out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, test } from "vitest";
import { reload } from "../src/haproxy/data-plane/reload.ts";
import type { Workload } from "../src/haproxy/workload.ts";
import { resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { channel, serve, watch } from "./tiny-app.ts";

const BIG = "x".repeat(8_000_000);
/** Other addresses of this machine, as other clients would have. */
const SOMEBODY = "127.0.0.2";
const SOMEBODY_ELSE = "127.0.0.3";

let lab: SidecarLab;
let edge: Workload;
let catalog: Workload;

beforeAll(async () => {
  lab = await SidecarLab.open();
  catalog = await lab.add({ service: "catalog", laptopPorts: 1 });
  edge = await lab.add({ service: "edge", laptopPorts: 1, hasHttp: true });
  await serve(lab, catalog, []);
  const app = createServer((request, response) => {
    if (request.url === "/big") return void response.end(BIG);
    request.resume();
    request.on("end", () => response.end("well"));
  }).listen(edge.httpSocket);
  await once(app, "listening");
  lab.onClose(() => app.closeAllConnections());
  lab.onClose(() => void app.close());
  await lab.up(
    resources(
      services("catalog", "v1"),
      services("edge"),
      server("catalog", { accessPolicy: "all-unauthenticated" }),
      route("all", "catalog", [`{ ${to("catalog-v1")} }`]),
    ),
  );
});

afterAll(() => lab.close());

const portOf = ({ laptopPorts }: Workload) => laptopPorts[0] ?? 0;

async function open(port: number, sent: string, from: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from });
  socket.on("error", () => {});
  socket.pause();
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
    socket.once("close", () => resolve());
  });
  if (sent) socket.write(sent);
  return socket;
}

async function openMany(count: number, port: number, sent: string, from: string): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const atOnce = Math.min(100, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: atOnce }, () => open(port, sent, from)))));
  }
  return sockets;
}

async function get(port: number, path = "/"): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, text: await response.text() };
}

// The latter only waits.
describe.concurrent("one client's many connections, and another's that nothing comes through", () => {
  test("one client's idle, half-sent and unread connections leave others room at the public door, throughout", async () => {
    const port = portOf(edge);
    const held: Socket[] = [];
    const kinds = ["", "POST /a HTTP/1.1\r\nhost: a\r\n", "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{"];
    for (const sent of [...kinds, "GET /big HTTP/1.1\r\nhost: a\r\n\r\n"]) {
      // The unread ones cost the app what it answers: few are enough.
      held.push(...(await openMany(sent.startsWith("GET") ? 10 : 1_000, port, sent, SOMEBODY)));
      assert.equal((await get(port)).text, "well", `after ${held.length} connections`);
    }
    await sleep(500);
    for (const socket of held) socket.resume();
    await sleep(500);
    const refused = held.filter((socket) => socket.destroyed || socket.readableEnded).length;
    assert.ok(refused >= 1_500, `half of 3,000 is one client's share: ${refused} of ${held.length} were refused`);
    for (const socket of held) socket.destroy();
  });

  test("connections end on which no request begins, or whose first head stays half-sent for 10 s", async () => {
    const sockets = await Promise.all([
      open(portOf(edge), "", SOMEBODY_ELSE),
      open(portOf(edge), "GET / HTTP/1.1\r\nhost: a\r\n", SOMEBODY_ELSE),
      open(portOf(edge), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SOMEBODY_ELSE),
      open(portOf(catalog), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SOMEBODY_ELSE),
    ]);
    for (const socket of sockets) {
      socket.resume();
      if (!socket.closed) await once(socket, "close", { signal: AbortSignal.timeout(20_000) });
    }
  });
});

test("one client's connections leave others room at a service's own port", async () => {
  const held = await openMany(1_100, portOf(catalog), "", SOMEBODY);
  const messages: string[] = [];
  const stream = watch(channel(lab, `127.0.0.1:${portOf(catalog)}`), (message) => messages.push(message));
  for (let tries = 0; tries < 100 && messages.length === 0; tries++) await sleep(50);
  assert.deepEqual(messages, [catalog.instance]);
  stream.cancel();
  for (const socket of held) socket.destroy();
});

test("unread answers end, and idle connections, while streams that have nothing to say go on", async () => {
  await shorten(edge);
  await shorten(catalog);
  const messages: string[] = [];
  const stream = watch(channel(lab, `127.0.0.1:${portOf(catalog)}`), (message) => messages.push(message));
  const unread = await open(portOf(edge), "GET /big HTTP/1.1\r\nhost: a\r\n\r\n", SOMEBODY);
  const idle = await open(portOf(edge), "GET / HTTP/1.1\r\nhost: a\r\n\r\n", SOMEBODY);
  const neverUsed = await open(portOf(catalog), "", SOMEBODY);
  idle.resume();
  neverUsed.resume();
  if (!neverUsed.closed) await once(neverUsed, "close", { signal: AbortSignal.timeout(10_000) });
  if (!idle.closed) await once(idle, "close", { signal: AbortSignal.timeout(10_000) });
  await sleep(3_000);
  let bytes = 0;
  unread.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  unread.resume();
  if (!unread.closed) await once(unread, "close", { signal: AbortSignal.timeout(10_000) });
  assert.ok(bytes < BIG.length, `${bytes} of an answer that nobody read for a while`);
  assert.deepEqual(messages, [catalog.instance]);
  assert.equal(stream.code, undefined, "the stream is open");
  stream.cancel();
});

/** The same configuration with shorter times, which a test can wait for. */
async function shorten(workload: Workload): Promise<void> {
  const compiled = lab.compile(workload);
  const text = compiled.configuration;
  const shorter = text
    .replace("timeout client 60s", "timeout client 1s")
    .replace("http-keep-alive 60s", "http-keep-alive 1s");
  assert.notEqual(shorter, text);
  await lab.write(workload, { ...compiled, configuration: shorter });
  const { folder, statsSocket } = workload.sidecar;
  await reload({ master: `${folder}/master.sock`, stats: statsSocket });
}

test("an app that is not there is said in the shape of every other error", async () => {
  const gone = await lab.add({ service: "edge", instance: "edge-v1-2", laptopPorts: 1, hasHttp: true });
  await lab.up();
  const { status, text } = await get(portOf(gone));
  assert.deepEqual([status, JSON.parse(text).details[0].reason], [503, "SERVICE_UNAVAILABLE"]);
});
