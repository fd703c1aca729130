import assert from "node:assert/strict";
import { test } from "vitest";
import { parsePathTemplate } from "./path-template.ts";

test("reads literals, a variable and a verb", () => {
  assert.deepEqual(parsePathTemplate("/v1/orders/{id}:cancel"), {
    segments: [{ kind: "literal", text: "v1" }, { kind: "literal", text: "orders" }, { kind: "one" }],
    variables: [{ fieldPath: ["id"], start: 2, end: 3, isOneSegment: true }],
    verb: "cancel",
  });
});

test("reads a verb after a literal", () => {
  const template = parsePathTemplate("/v1/products:search");
  assert.equal(template.verb, "search");
  assert.deepEqual(template.segments.at(-1), { kind: "literal", text: "products" });
});

test("reads a variable of a nested field over several segments", () => {
  const template = parsePathTemplate("/v1/{book.name=shelves/*/books/*}/pages/{page.number}");
  assert.deepEqual(template.variables, [
    { fieldPath: ["book", "name"], start: 1, end: 5, isOneSegment: false },
    { fieldPath: ["page", "number"], start: 6, end: 7, isOneSegment: true },
  ]);
});

test("reads a variable that takes the rest of the path, with a verb", () => {
  const template = parsePathTemplate("/v1/{name=files/**}:download");
  assert.deepEqual(template.variables, [
    { fieldPath: ["name"], start: 1, end: Number.POSITIVE_INFINITY, isOneSegment: false },
  ]);
  assert.equal(template.verb, "download");
});

for (const [source, why] of [
  ["v1/orders", "start with a slash"],
  ["/v1//orders", "no segment"],
  ["/v1/orders/", "no segment"],
  ["/v1/**/orders", "follows \\*\\*"],
  ["/v1/{id", "no segment"],
  ["/v1/{}", "names no field"],
  ["/v1/{Id}", "names no field"],
  ["/v1/{a=b=}x", "no segment"],
  ["/v1/{id}/{id}", "stands twice"],
] as const) {
  test(`refuses the template ${source}`, () => {
    assert.throws(() => parsePathTemplate(source), new RegExp(why));
  });
}
