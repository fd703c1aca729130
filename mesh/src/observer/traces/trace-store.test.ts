import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import type { Reason } from "./retention.ts";
import type { Span } from "./span.ts";
import { TraceStore } from "./trace-store.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "traces-"));
  folders.push(made);
  return made;
}

const id = (number: number) => number.toString(16).padStart(32, "0");

function span(startUs: number, { failed = false, service = "edge", text = "" } = {}): Span {
  const rest = { kind: "server", instance: "edge-v1-1", durationUs: 100, status: "", attributes: { text } } as const;
  return { id: `s${startUs}`, parent: "", name: "GET", service, startUs, failed, ...rest };
}

function put(store: TraceStore, from: number, count: number, kept: Reason, options = {}): void {
  store.transaction(() => {
    for (let index = from; index < from + count; index += 1) store.put(id(index), kept, [span(index + 1, options)]);
  });
}

test("drops the oldest of each kind, so that many failures leave room for the rest", () => {
  const store = new TraceStore(folder());
  put(store, 0, 10, "sample");
  put(store, 1_000, 600, "failed", { failed: true });
  put(store, 2_000, 305, "sample");
  assert.equal(store.has(id(9)), false);
  assert.equal(store.has(id(2_004)), false);
  assert.equal(store.has(id(2_005)), true);
  assert.equal(store.has(id(1_099)), false);
  assert.equal(store.has(id(1_100)), true);
  assert.equal(store.lists().recent[0]?.id, id(2_304));
  store.close();
});

test("finds the last trace that a caller began, by the id of the caller's own", () => {
  const store = new TraceStore(folder());
  const theirs = "4bf92f3577b34da6a3ce929d0e0e4736";
  store.transaction(() => {
    for (const index of [1, 2, 3]) {
      const attributes: Span["attributes"] = index < 3 ? { "caller.trace.id": theirs } : {};
      store.put(id(index), "sample", [{ ...span(index), attributes }]);
    }
  });
  assert.equal(store.find(theirs), id(2));
  assert.equal(store.find("4bf92f"), id(2));
  assert.equal(store.find("4bf92e"), undefined);
  assert.equal(store.find("ffff"), undefined);
  store.close();
});

test("drops the oldest when all together are too large", () => {
  const store = new TraceStore(folder());
  const text = "x".repeat(16 * 1024 * 1024);
  for (let index = 0; index < 9; index += 1) put(store, index, 1, "sample", { text });
  assert.deepEqual(
    [1, 2, 8].map((index) => store.has(id(index))),
    [false, true, true],
  );
  store.close();
});

test("adds what comes late, and a late failure makes it a failed trace", () => {
  const store = new TraceStore(folder());
  put(store, 1, 1, "slow");
  store.transaction(() => store.put(id(1), "slow", [span(50, { failed: true, service: "orders" })]));
  assert.equal(store.spans(id(1)).length, 2);
  assert.deepEqual(
    store.lists("orders").failed.map(({ spans, kept }) => ({ spans, kept })),
    [{ spans: 2, kept: "failed" }],
  );
  assert.deepEqual(store.lists("cart").recent, []);
  store.transaction(() => store.dropSlow(id(1)));
  assert.equal(store.has(id(1)), true, "it is not there for being slow alone");
  store.close();
});

test("keeps 2,000 spans of one trace however many come under its id, and still tells that it failed", () => {
  const store = new TraceStore(folder());
  const many = (from: number, failed = false) =>
    Array.from({ length: 1_500 }, (_, index) => span(from + index, { failed }));
  for (let round = 0; round < 4; round += 1) store.transaction(() => store.put(id(7), "sample", many(round * 1_500)));
  assert.equal(store.spanCount(id(7)), 2_000);
  assert.equal(store.spans(id(7)).length, 2_000);
  assert.deepEqual(store.lists().failed, []);
  store.transaction(() => store.put(id(7), "sample", many(9_000, true)));
  assert.deepEqual(
    store.lists().failed.map(({ spans, kept }) => ({ spans, kept })),
    [{ spans: 2_000, kept: "failed" }],
  );
  store.close();
});

test("keeps traces from one run to the next, and finds them by their first digits", () => {
  const place = folder();
  const first = new TraceStore(place);
  put(first, 0xabcd, 1, "sample");
  first.close();
  const store = new TraceStore(place);
  assert.equal(store.find(id(0xabcd).slice(0, 31)), id(0xabcd));
  put(store, 0xabce, 1, "sample");
  assert.equal(store.find(id(0xabcd).slice(0, 31)), undefined, "two start so");
  assert.equal(store.find("0"), undefined);
  store.close();
});

test("begins anew when its file is no database", () => {
  const place = folder();
  writeFileSync(join(place, "traces.sqlite"), "no database at all".repeat(1_000));
  const store = new TraceStore(place);
  put(store, 1, 1, "sample");
  assert.equal(store.has(id(1)), true);
  store.close();
});
