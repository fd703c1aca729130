import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "vitest";
import { podOf } from "./pod.ts";
import { Taps } from "./tap.ts";

test("a reader of a quiet mesh hears an empty line now and then, so that neither end takes the other for gone", async (context) => {
  const taps = new Taps({ pod: podOf }, 20);
  const server = createServer((_, response) => taps.open(response, "")).listen(0, "127.0.0.1");
  context.onTestFinished(() => server.closeAllConnections());
  context.onTestFinished(() => void server.close());
  context.onTestFinished(() => void taps.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { body } = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5_000) });
  assert.ok(body);
  let heard = "";
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    heard += part;
    if (heard.length >= 3) break;
  }
  assert.equal(heard.replaceAll("\n", ""), "");
});
