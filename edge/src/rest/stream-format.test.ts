import assert from "node:assert/strict";
import { test } from "vitest";
import { chooseFormat } from "./stream-format.ts";

const EVENTS = "text/event-stream; charset=utf-8";
const LINES = "application/x-ndjson; charset=utf-8";

for (const [accept, contentType] of [
  [undefined, EVENTS],
  ["", EVENTS],
  ["*/*", EVENTS],
  ["text/*", EVENTS],
  ["text/html, */*;q=0.8", EVENTS],
  ["Application/JSONL", LINES],
  ["application/json, */*", LINES],
  ["application/x-ndjson, text/event-stream", LINES],
  ["text/event-stream, application/x-ndjson", EVENTS],
  ["application/x-ndjson;q=0.5, text/event-stream", EVENTS],
  ["text/event-stream;q=0.9, application/x-ndjson; q=0.95", LINES],
  ["text/event-stream;q=0.1, */*", LINES],
  ["text/event-stream;q=0, */*;q=0.1", LINES],
  ["application/*;q=0, */*", EVENTS],
  ["application/*;q=0, application/x-ndjson", LINES],
  ["application/json;q=0, application/x-ndjson;q=0.1", LINES],
] as const) {
  test(`chooses ${contentType.split(";", 1)} for ${JSON.stringify(accept)}`, () => {
    assert.equal(chooseFormat(accept).headers["content-type"], contentType);
  });
}

for (const accept of ["image/png", "text/event-stream;q=0", "*/*;q=0.0", "application/x-ndjson;q=0, image/*"]) {
  test(`has nothing for ${JSON.stringify(accept)}`, () => {
    assert.throws(() => chooseFormat(accept), /offers text\/event-stream and application\/x-ndjson/);
  });
}
