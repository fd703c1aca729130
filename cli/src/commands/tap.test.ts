import assert from "node:assert/strict";
import type { TappedRequest } from "@row/mesh/observer/tap.ts";
import { test } from "vitest";
import { widthOf } from "../terminal.ts";
import { render } from "./tap.ts";

const REQUEST: TappedRequest = {
  direction: "outbound",
  time: "2026-11-21T12:01:02.123456Z",
  client: "orders-v1-1",
  service: "catalog",
  backend: "catalog-v1",
  route: "catalog-fast",
  server: "catalog-v1-1",
  path: "/shop.catalog.v1.CatalogService/GetProduct",
  httpStatus: 200,
  grpcStatus: "OK",
  error: "",
  durationUs: 1_240,
  retries: 0,
  traceparent: "",
};

test("shows a request in a line", () => {
  assert.equal(
    render(REQUEST),
    "12:01:02.123 orders-v1-1 → catalog-v1/catalog-v1-1 /shop.catalog.v1.CatalogService/GetProduct OK 1.24 ms, by catalog-fast",
  );
});

test("tells why there was no answer, and who was refused", () => {
  const failed = { ...REQUEST, server: "", grpcStatus: "UNAVAILABLE", error: "FAIL_FAST", retries: 2 };
  assert.match(render(failed), /→ catalog-v1 .* UNAVAILABLE \(FAIL_FAST\) 1\.24 ms, by catalog-fast, 2 retries$/);
  const cancelled = { ...REQUEST, httpStatus: -1, grpcStatus: "", error: "CANCEL" };
  assert.match(render(cancelled), / no answer \(CANCEL\) /);
  const refused = {
    ...REQUEST,
    direction: "inbound",
    client: "",
    grpcStatus: "PERMISSION_DENIED",
    error: "deny",
  } as const;
  assert.match(render(refused), /somebody without a certificate → catalog-v1-1 .* PERMISSION_DENIED \(refused: deny\)/);
});

test("tells how many requests were left out", () => {
  assert.equal(render({ lost: 12 }), "… 12 more, faster than they can be shown");
});

test("leaves out on a narrow terminal what else tells", () => {
  assert.equal(render(REQUEST, 80), "12:01:02 orders-v1-1 → catalog-v1-1 GetProduct OK 1.24 ms");
  const refused = { ...REQUEST, direction: "inbound", client: "", error: "deny" } as const;
  assert.equal(
    render(refused, 80),
    "12:01:02 somebody without a certificate → catalog-v1-1 GetProduct\n  OK (refused: deny) 1.24 ms",
  );
});

test("is read in lines no longer than the terminal, with the outcome in them", () => {
  const failed = { ...REQUEST, server: "", grpcStatus: "UNAVAILABLE", error: "FAIL_FAST", retries: 2 };
  for (let width = 40; width <= 130; width += 1) {
    const lines = render(failed, width).split("\n");
    for (const line of lines) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
    for (const part of ["orders-v1-1", "catalog-v1", "GetProduct", "UNAVAILABLE (FAIL_FAST)", "1.24 ms", "2 retries"])
      assert.ok(
        lines.some((line) => line.includes(part)),
        `${width}: ${part}`,
      );
  }
});
