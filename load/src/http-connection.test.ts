import assert from "node:assert/strict";
import { test } from "vitest";
import { completeResponse, headerOf } from "./http-connection.ts";

test("waits until a response of known length is complete", () => {
  const head = "HTTP/1.1 201 Created\r\nContent-Length: 5";
  assert.equal(completeResponse(head.slice(0, 20)), undefined);
  assert.equal(completeResponse(`${head}\r\n\r\nhell`), undefined);
  assert.deepEqual(completeResponse(`${head}\r\n\r\nhello`), { status: 201, head, body: "hello" });
});

test("puts the chunks of a response together", () => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked";
  assert.equal(completeResponse(`${head}\r\n\r\n5\r\nhello\r\n`), undefined);
  assert.equal(completeResponse(`${head}\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`)?.body, "hello!");
});

test("finds a header whatever the case of its name", () => {
  const head = "HTTP/1.1 200 OK\r\nX-Served-By: edge/v1/edge-v1-1, catalog/v2/catalog-v2-1\r\ndate: today";
  assert.equal(headerOf(head, "x-served-by"), "edge/v1/edge-v1-1, catalog/v2/catalog-v2-1");
  assert.equal(headerOf(head, "served-by"), undefined);
});
