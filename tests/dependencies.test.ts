/** The page of dependencies is true: it has every package that a package.json of the project names, and no other. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const PAGE = "docs/dependencies.md";

const KINDS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;
type Manifest = Readonly<Partial<Record<(typeof KINDS)[number], Readonly<Record<string, string>>>>>;

/** Of others: the workspaces depend on each other too. */
const named = new Set(
  globSync("{.,*,services/*}/package.json", { cwd: root, exclude: ["node_modules/**"] })
    .map((file): Manifest => JSON.parse(readFileSync(join(root, file), "utf8")))
    .flatMap((manifest) => KINDS.flatMap((kind) => Object.keys(manifest[kind] ?? {})))
    .filter((name) => !name.startsWith("@row/")),
);

/** What the first column of the page's tables has: names, or "@scope/*" for all of a scope. */
const listed = readFileSync(join(root, PAGE), "utf8")
  .split("\n")
  .flatMap((line) => /^\| (`.+`) \| \S/.exec(line)?.[1] ?? [])
  .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name));

/** Whether a line of the page is about the package. */
function isOf(line: string, name: string): boolean {
  return line.endsWith("/*") ? name.startsWith(line.slice(0, -1)) : line === name;
}

test("every package that the project names has a line that says why", () => {
  assert.ok(named.size > 40, `${named.size} packages`);
  assert.deepEqual(
    [...named].filter((name) => !listed.some((line) => isOf(line, name))),
    [],
  );
});

test("no line is about a package that the project does not name, or names twice", () => {
  const gone = listed.filter((line) => ![...named].some((name) => isOf(line, name)));
  const twice = listed.filter((line, index) => listed.indexOf(line) !== index);
  assert.deepEqual({ gone, twice }, { gone: [], twice: [] });
});
