/** `row new` as far as it writes nothing; that what it writes works is tried by `npm run check -- new-service`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "vitest";

const root = resolve(import.meta.dirname, "../..");

function row(...args: string[]) {
  return spawnSync(process.execPath, [join(root, "cli/src/main.ts"), "new", ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
}

test("says which files it would write and what comes next, to people and to programs, and writes none", () => {
  const { stdout, stderr } = row("wishes", "--resource", "wish", "--dry-run");
  assert.equal(stderr, "");
  assert.match(
    stdout,
    /^wishes, gRPC on \d+, admin on \d+: would write \d+ files and would change tests\/access\.md\n/,
  );
  assert.match(stdout, /^ {2}npm run generate$/m);
  const told = JSON.parse(row("wishes", "--resource", "wish", "--dry-run", "--json").stdout);
  for (const file of ["services/wishes/src/rpc/get-wish.ts", "proto/shop/wishes/v1/wishes_errors.proto"])
    assert.ok(told.files.includes(file), file);
  for (const file of told.files) assert.match(stdout, new RegExp(`^  ${RegExp.escape(file)}$`, "m"));
  for (const command of told.next) assert.match(stdout, new RegExp(`^  ${RegExp.escape(command)}$`, "m"));
  assert.deepEqual([told.name, told.resource, told.changed], ["wishes", "wish", ["tests/access.md"]]);
  assert.deepEqual(globSync("{services,proto/shop}/wishes", { cwd: root }), []);
});

test("leaves no placeholder unfilled in a path", () => {
  const { files } = JSON.parse(row("wishes", "--dry-run", "--json").stdout);
  assert.ok(files.length > 20, `${files.length} files`);
  for (const file of files) assert.match(file, /^[\w./-]+$/);
});

for (const [name, says, ...more] of [
  ["catalog", "Cannot write a service catalog: services/catalog is there already; choose another name"],
  ["shipping", "Cannot write a service shipping: proto/shop/shipping is there already; choose another name"],
  ["mesh", "Cannot write a service mesh: mesh is there already; choose another name"],
  [
    "products",
    "Cannot write a service products: proto/shop/catalog/v1/catalog_service.proto serves /v1/products already; choose another name",
  ],
  ["gift-cards", 'Cannot call a service "gift-cards": a name is one word of 2 to 20 lower-case letters and digits'],
  ["wishes", 'Cannot call what it keeps "pool": the code of a service uses that word already', "--resource", "pool"],
  ["wishes", 'Cannot call what it keeps "date": the code of a service uses that word already', "--resource", "date"],
] as const) {
  test(`refuses ${[name, ...more].join(" ")}, and says why`, () => {
    const { status, stdout, stderr } = row(name, ...more, "--dry-run");
    assert.equal(stderr, `${says}\n`);
    assert.equal(stdout, "");
    assert.equal(status, 1);
  });
}
