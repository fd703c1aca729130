import assert from "node:assert/strict";
import { test } from "vitest";
import { completeResponse } from "./http-connection.ts";

test("waits until a response of known length is complete", () => {
  const head = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n";
  assert.equal(completeResponse(head.slice(0, 20)), undefined);
  assert.equal(completeResponse(`${head}hell`), undefined);
  assert.deepEqual(completeResponse(`${head}hello`), { status: 201, body: "hello" });
});

test("puts the chunks of a response together", () => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert.equal(completeResponse(`${head}5\r\nhello\r\n`), undefined);
  assert.deepEqual(completeResponse(`${head}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`), { status: 200, body: "hello!" });
});
