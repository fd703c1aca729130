import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installationAt } from "@row/laptop/installation.ts";
import { askObserver, followObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import { controlSocket } from "@row/laptop/supervisor/control-socket.ts";
import { takeLock } from "@row/laptop/supervisor/lock.ts";
import { test } from "vitest";

/** A shop's control socket, which tells of these processes. */
async function withShop(processes: object[], act: (place: ReturnType<typeof installationAt>) => Promise<void>) {
  const stateDir = mkdtempSync(join(tmpdir(), "row-observer-"));
  const lock = takeLock(stateDir);
  const server = createServer((_, response) => response.end(JSON.stringify({ processes })));
  server.listen(controlSocket(stateDir));
  await once(server, "listening");
  try {
    await act(installationAt({ stateDir }));
  } finally {
    server.close();
    lock.release();
    rmSync(stateDir, { recursive: true });
  }
}

async function observerThat(answer: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/missing" ? 404 : 200).end(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { server, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}` };
}

test("says that the shop is not running", async () => {
  const stateDir = join(tmpdir(), "row-that-never-ran");
  await assert.rejects(observerUrl(installationAt({ stateDir })), { message: /^The shop is not running: start it/ });
});

test("says that a shop without the mesh has nothing to observe", async () => {
  await withShop([{ name: "orders", addresses: { grpc: "127.0.0.1:5056" } }], async (place) => {
    await assert.rejects(observerUrl(place), {
      message: "This shop runs without the mesh: start it again without --no-mesh",
    });
  });
});

test("finds the observer where the shop says that it is, and says when it does not answer there", async () => {
  await withShop([{ name: "observer", addresses: { http: "127.0.0.1:1" } }], async (place) => {
    const url = await observerUrl(place);
    assert.equal(url, "http://127.0.0.1:1");
    await assert.rejects(askObserver(url, "/stat"), {
      message: "Cannot reach the observer at http://127.0.0.1:1: see `npx row logs observer`",
    });
  });
});

test("says that the observer broke off when it ends in the middle of a stream", async () => {
  const server = createServer((_, response) => {
    response.writeHead(200).write('{"message":"one"}\n');
    setTimeout(() => response.destroy(), 50);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const seen: unknown[] = [];
  const follow = async () => {
    for await (const line of followObserver(url, "/tap")) seen.push(line);
  };
  await assert.rejects(follow(), { message: `The observer at ${url} broke off: see \`npx row logs observer\`` });
  assert.deepEqual(seen, [{ message: "one" }]);
  server.close();
});

test("reads answers, streams line by line past the empty ones, and passes on what is wrong", async () => {
  const { server, url } = await observerThat('{"message":"one"}\n\n\n{"message":"two"}\n');
  const seen: unknown[] = [];
  for await (const line of followObserver(url, "/tap")) seen.push(line);
  assert.deepEqual(seen, [{ message: "one" }, { message: "two" }]);
  server.close();
  const other = await observerThat('{"message":"Cannot show trace 12: no one trace that is kept starts so"}');
  await assert.rejects(askObserver(other.url, "/missing"), { message: /^Cannot show trace 12/ });
  other.server.close();
});
