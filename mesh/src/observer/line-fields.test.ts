import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { LineFields } from "./line-fields.ts";
import { PrefixTable } from "./prefix-table.ts";

const field = fc.stringMatching(/^[ -{}~]{0,20}$/);
const reader = new LineFields();

test("cuts any line where its bars are", () => {
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 20 }), fc.constantFrom("", "\n", "\0"), (parts, end) => {
      reader.split(Buffer.from(parts.join("|") + end));
      assert.equal(reader.count, parts.length);
      assert.deepEqual(
        parts.map((_, index) => reader.text(index)),
        parts,
      );
    }),
  );
});

test("reads numbers with and without a sign, and -1 for what is none", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      reader.split(Buffer.from(`a|${number}|b`));
      assert.equal(reader.number(1), number);
    }),
  );
  reader.split(Buffer.from("+2|-|1x|"));
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => reader.number(index)),
    [2, -1, -1, -1],
  );
});

test("finds a value by the first four fields alone", () => {
  const table = new PrefixTable<string>();
  fc.assert(
    fc.property(fc.array(field, { minLength: 4, maxLength: 4 }), field, field, (prefix, one, other) => {
      table.clear();
      reader.split(Buffer.from([...prefix, one].join("|")));
      table.add(reader.bytes, reader.prefixEnd, reader.prefixHash, "known");
      reader.split(Buffer.from([...prefix, other].join("|")));
      assert.equal(table.find(reader.bytes, reader.prefixEnd, reader.prefixHash), "known");
      reader.split(Buffer.from([...prefix.slice(0, 3), `${prefix[3]}x`, other].join("|")));
      assert.equal(table.find(reader.bytes, reader.prefixEnd, reader.prefixHash), undefined);
    }),
  );
});

test("tells apart prefixes that share a hash", () => {
  const table = new PrefixTable<string>();
  table.add(Buffer.from("one"), 3, 7, "one");
  table.add(Buffer.from("two"), 3, 7, "two");
  assert.equal(table.find(Buffer.from("two|more"), 3, 7), "two");
  assert.equal(table.find(Buffer.from("six|more"), 3, 7), undefined);
});
