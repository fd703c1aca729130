import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Connections, NotSent } from "@row/load/connections.ts";
import { TimedOut } from "@row/load/http-connection.ts";
import { encode } from "@row/load/http-request.ts";
import { afterEach, beforeEach, test } from "vitest";

/** Answers when the test says so: what waits is here, by path. */
let asked: string[];
let held: ServerResponse[];
let sockets: Set<Socket>;
let mostOpen: number;
let server: Server;
let port: number;

beforeEach(async () => {
  [asked, held, mostOpen] = [[], [], 0];
  const open = new Set<Socket>();
  sockets = open;
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.url?.startsWith("/held")) held.push(response);
    else if (request.url === "/closing") response.writeHead(200, { connection: "close" }).end("bye");
    else setTimeout(() => response.end(`here is ${request.url}`), 5);
  });
  server.on("connection", (socket) => {
    open.add(socket);
    mostOpen = Math.max(mostOpen, open.size);
    socket.once("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port; // it listens on a port
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function connectionsOf(bounds: Partial<ConstructorParameters<typeof Connections>[0]> = {}): Connections {
  return new Connections({ port, connections: 1, queued: 100, deadlineMs: 5_000, ...bounds });
}

function get(connections: Connections, path: string, due = performance.now()) {
  const request = encode({ method: "GET", path, headers: {} }).join("");
  return connections.send(request, due, () => {});
}

test("there are no more connections than was said: the rest waits its turn, and all are answered", async () => {
  const connections = connectionsOf({ connections: 3 });
  const paths = Array.from({ length: 20 }, (_, number) => `/${number}`);
  const answers = await Promise.all(paths.map((path) => get(connections, path)));
  assert.deepEqual(
    answers.map(({ body }) => body),
    paths.map((path) => `here is ${path}`),
  );
  assert.equal(mostOpen, 3);
  connections.close();
});

test("what gets no answer by its deadline is given up, and its connection with it", async () => {
  const connections = connectionsOf({ deadlineMs: 100 });
  await assert.rejects(get(connections, "/held"), TimedOut);
  assert.equal((await get(connections, "/next")).body, "here is /next");
  connections.close();
});

test("what has waited beyond its deadline is never sent", async () => {
  const connections = connectionsOf({ deadlineMs: 100 });
  const overdue = performance.now() - 50;
  const outcomes = await Promise.allSettled([get(connections, "/held"), get(connections, "/waits", overdue)]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.constructor),
    [TimedOut, NotSent],
  );
  assert.deepEqual(asked, ["/held"]);
  connections.close();
});

test("the queue is bounded, says how long its first has waited, and is given up at the end", async () => {
  const connections = connectionsOf({ queued: 2 });
  const first = get(connections, "/held");
  const due = performance.now() - 1_500;
  const waiting = [get(connections, "/second", due), get(connections, "/third")];
  assert.deepEqual({ waiting: connections.waiting, since: connections.waitingSince }, { waiting: 2, since: due });
  await assert.rejects(get(connections, "/fourth"), /too many wait/);
  connections.close();
  for (const one of waiting) await assert.rejects(one, NotSent);
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  held[0]?.end("at last");
  assert.equal((await first).body, "at last");
});

test("a connection that its server closes is not used again", async () => {
  const connections = connectionsOf();
  assert.equal((await get(connections, "/closing")).body, "bye");
  assert.equal((await get(connections, "/next")).body, "here is /next");
  connections.close();
});

test("nothing stays open once it is closed, and what was under way has its answer", async () => {
  const connections = connectionsOf({ connections: 3 });
  await Promise.all(["/1", "/2", "/3"].map((path) => get(connections, path)));
  const underWay = get(connections, "/held");
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  connections.close();
  held[0]?.end("at last");
  assert.equal((await underWay).body, "at last");
  // Well before the server would close it by itself.
  const end = performance.now() + 2_000;
  while (sockets.size > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(sockets.size, 0);
});
