/** What says that it is pure is pure: neither it nor what it stands on can do I/O or knows gRPC, a database or generated code. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { pureCores } from "./runner/pure-cores.ts";

const root = resolve(import.meta.dirname, "..");

/** What a file imports when it runs; types are gone by then. */
const IMPORT = /^(?:import|export)\b(?!\s+type\b)(?:[^"'`;]*?\bfrom)?\s*"([^"]+)"|\bimport\(\s*["'`]([^"'`]+)/gm;
/** Of Node's own modules, what computes and nothing else. */
const COMPUTES = new Set(["node:crypto", "node:buffer", "node:util"]);

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(IMPORT)].flatMap(([, fixed, dynamic]) => fixed ?? dynamic ?? []);
}

/** How a file reaches something that is not pure, by the files in between; undefined when it does not. */
function wayOut(file: string, way: readonly string[] = []): readonly string[] | undefined {
  if (way.includes(file)) return undefined;
  const here = [...way, file];
  if (file.startsWith("gen/")) return here;
  for (const specifier of importsOf(file)) {
    if (COMPUTES.has(specifier)) continue;
    const isOurs = specifier.startsWith(".") || specifier.startsWith("@row/");
    if (!isOurs) return [...here, specifier];
    const further = wayOut(fileOf(file, specifier), here);
    if (further) return further;
  }
  return undefined;
}

function fileOf(file: string, specifier: string): string {
  const path = specifier.startsWith(".")
    ? join(root, dirname(file), specifier)
    : fileURLToPath(import.meta.resolve(specifier));
  return relative(root, path);
}

const pure = pureCores(root);

test("the core of each service that decides says that it is pure", () => {
  const cores = ["auth/src/account", "auth/src/key-schedule", "catalog/src/product", "inventory/src/reservation"];
  const more = ["inventory/src/stock", "orders/src/order", "orders/src/saga/saga", "payments/src/payment"];
  const missing = [...cores, ...more].filter((core) => !pure.includes(`services/${core}.ts`));
  assert.deepEqual(missing, []);
});

test("all of the judge says that it is pure", () => {
  const judge = globSync("mesh/src/judge/**/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
  assert.ok(judge.length > 5);
  assert.deepEqual(
    judge.filter((file) => !pure.includes(file)),
    [],
  );
});

for (const file of pure) {
  test(`${file} decides without doing any I/O`, () => {
    assert.deepEqual(wayOut(file), undefined);
  });
}

test("a file that reaches gRPC over others is found out, with the way it does", () => {
  const way = wayOut("runtime/src/rpc/status.ts");
  assert.equal(way?.[0], "runtime/src/rpc/status.ts");
  assert.ok(way.length > 1);
});
