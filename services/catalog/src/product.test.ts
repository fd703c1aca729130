import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { test } from "vitest";
import { applyChange, newProduct, type Product, wantedChanges } from "./product.ts";

const then = new Date("2026-11-01T00:00:00Z");
const now = new Date("2026-11-21T00:00:00Z");
const mug: Product = newProduct(
  "01a19467-e800-7000-8000-000000000031",
  { sku: "OUT-MUG-ENM", name: "Enamel Mug", description: "Holds 350 ml.", categoryId: "outdoor", priceMinor: 1290n },
  then,
);
const text = fc.string({ minLength: 1 }).filter((value) => value.trim() !== "");

test("a new product is in its first version and not available before inventory says so", () => {
  assert.partialDeepStrictEqual({ ...mug }, { version: 1n, available: false, createTime: then, updateTime: then });
});

test("refuses a blank name", () => {
  assert.throws(() => newProduct("p", { ...mug, name: " \t" }, now), { message: "name: must not be blank" });
  assert.throws(() => wantedChanges({ ...mug, name: " " }, ["name"]), { message: "name: must not be blank" });
});

test("without a mask, the fields that are not empty are changed", () => {
  const given = { name: "Tin Mug", description: "", categoryId: "kitchen" };
  assert.deepEqual(wantedChanges(given, []), { name: "Tin Mug", categoryId: "kitchen" });
});

test("with a mask, exactly its fields are changed, also to nothing", () => {
  const given = { name: "ignored", description: "", categoryId: "kitchen" };
  assert.deepEqual(wantedChanges(given, ["description"]), { description: "" });
  assert.throws(() => wantedChanges({ ...given, categoryId: "" }, ["category_id"]), { reason: "INVALID_REQUEST" });
});

test("refuses a mask that names what cannot be changed", () => {
  for (const path of ["price", "sku", "id", "version", "categoryId", "name.first", "__proto__", ""]) {
    assert.throws(() => wantedChanges(mug, ["name", path]), {
      violations: [
        {
          field: "update_mask.paths[1]",
          description: `"${path}" cannot be changed: name name, description, category_id`,
        },
      ],
    });
  }
});

test("a change makes the next version, and what is so already makes none", () => {
  assert.equal(applyChange(mug, { name: "Enamel Mug", priceMinor: 1290n }, now), mug);
  fc.assert(
    fc.property(text, fc.string(), fc.bigInt(1n, 10n ** 12n), (name, description, priceMinor) => {
      const after = applyChange(mug, { name, description, priceMinor }, now);
      assert.partialDeepStrictEqual({ ...after }, { id: mug.id, sku: mug.sku, name, description, priceMinor });
      if (after === mug) return;
      assert.deepEqual([after.version, after.createTime, after.updateTime], [2n, then, now]);
    }),
  );
});

test("a product decides without doing any I/O", () => {
  const source = readFileSync(new URL("product.ts", import.meta.url), "utf8");
  assert.deepEqual(
    [...source.matchAll(/from "(.+)"/g)].map((match) => match[1]),
    ["@row/runtime/domain-error.ts"],
  );
});
