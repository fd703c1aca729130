import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, test } from "vitest";
import { PacedWriter } from "./paced-writer.ts";

const server = createServer().listen(0, "127.0.0.1");
afterAll(() => server.close());
/** More than the sockets on the way have room for. */
const LONG = "x".repeat(20_000_000);

/** The response to a reader who has read nothing yet. */
async function respond(): Promise<{ response: ServerResponse; reader: Socket }> {
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  const reader = connect(port, "127.0.0.1");
  reader.pause();
  reader.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const [, response] = (await once(server, "request")) as [unknown, ServerResponse]; // as Node documents the event
  return { response, reader };
}

test("offers nothing to a reader who is behind, and goes on when it is not", async () => {
  const { response, reader } = await respond();
  const writer = new PacedWriter(response, 10_000);
  const writing = writer.write(LONG);
  const { writableLength } = response;
  writer.offer("still here");
  assert.equal(response.writableLength, writableLength);
  let read = "";
  reader.on("data", (chunk) => {
    read += chunk;
  });
  reader.resume();
  await writing;
  writer.offer("still here");
  writer.end("that was all");
  reader.end();
  await once(reader, "close");
  assert.match(read.slice(LONG.length), /still here[\s\S]*that was all/);
});

for (const [what, write] of [
  ["a message", (writer: PacedWriter) => void writer.write(LONG)],
  ["a sign of life", (writer: PacedWriter) => writer.offer(LONG)],
  ["the last word", (writer: PacedWriter) => writer.end(LONG)],
] as const) {
  test(`hangs up on a reader who does not take ${what}`, { timeout: 10_000 }, async () => {
    const { response, reader } = await respond();
    write(new PacedWriter(response, 50));
    await once(response, "close");
    assert.equal(response.destroyed, true);
    reader.destroy();
  });
}

test("waits for nobody who is gone", { timeout: 10_000 }, async () => {
  const { response, reader } = await respond();
  const writer = new PacedWriter(response, 60_000);
  const writing = writer.write(LONG);
  reader.destroy();
  await writing;
  await writer.write(LONG);
  writer.end("");
});
