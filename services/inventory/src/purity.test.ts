import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "vitest";

for (const file of ["reservation.ts", "stock.ts"]) {
  test(`${file} decides without doing any I/O`, () => {
    const source = readFileSync(new URL(file, import.meta.url), "utf8");
    const imports = [...source.matchAll(/from "(.+)"/g)].map((match) => match[1]);
    assert.deepEqual(
      imports.filter((name) => name !== "@row/runtime/domain-error.ts" && name !== "./reservation.ts"),
      [],
    );
  });
}
