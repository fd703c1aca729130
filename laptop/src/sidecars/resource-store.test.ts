import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readResources } from "@row/mesh/resources/read.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { type TestContext, test } from "vitest";
import { ResourceStore } from "./resource-store.ts";

const START = new Date("2026-01-01T00:00:00Z");
const LATER = new Date("2026-01-02T00:00:00Z");

function service(name: string, port: number): string {
  return `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec:\n  selector: { a: b }\n  ports: [{ port: ${port} }]\n`;
}

function read(text: string): Resource {
  const { resources, problems } = readResources(text, "mine.yaml");
  assert.deepEqual(problems, []);
  assert.ok(resources[0]);
  return resources[0];
}

/** A repository with one Service, and how to open its store as a shop does at each start. */
function repository(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "row-store-"));
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const write = (port: number) => writeFileSync(join(root, "mesh/services/a.yaml"), service("a", port));
  mkdirSync(join(root, "mesh/services"), { recursive: true });
  write(1);
  return { write, open: () => new ResourceStore(root, join(root, "resources.json"), START) };
}

function portOf(store: ResourceStore, name: string): number | undefined {
  const found = store.find("Service", name);
  return found?.kind === "Service" ? found.spec.ports[0]?.port : undefined;
}

test("what nobody changed follows the repository, with its place in it", (context) => {
  const { write, open } = repository(context);
  assert.equal(portOf(open(), "a"), 1);
  assert.equal(open().find("Service", "a")?.source.file, "mesh/services/a.yaml");
  write(2);
  assert.equal(portOf(open(), "a"), 2);
});

test("a plan changes nothing until it is kept, and then outlives a restart", (context) => {
  const { write, open } = repository(context);
  const store = open();
  const plan = store.plan({ put: [read(service("a", 7)), read(service("b", 8))] }, LATER);
  assert.deepEqual(
    plan.outcomes.map(({ outcome }) => outcome),
    ["configured", "created"],
  );
  assert.equal(portOf(store, "a"), 1);
  store.commit(plan);
  write(2);
  const again = open();
  assert.deepEqual([portOf(again, "a"), portOf(again, "b")], [7, 8]);
  assert.equal(again.find("Service", "a")?.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(again.find("Service", "b")?.metadata.creationTimestamp, "2026-01-02T00:00:00Z");
  assert.equal(again.find("Service", "b")?.source.file, "mine.yaml");
});

test("what is put back as the repository has it follows the repository again", (context) => {
  const { write, open } = repository(context);
  const store = open();
  store.commit(store.plan({ put: [read(service("a", 7))] }));
  store.commit(store.plan({ put: [read(service("a", 1))] }));
  assert.ok(!store.isChanged);
  write(2);
  assert.equal(portOf(open(), "a"), 2);
});

test("what is deleted stays away, also when the repository has it, until it is applied again", (context) => {
  const { open } = repository(context);
  const store = open();
  const found = store.find("Service", "a");
  assert.ok(found);
  store.commit(store.plan({ delete: [found] }));
  assert.equal(open().find("Service", "a"), undefined);
  store.commit(store.plan({ put: [read(service("a", 1))] }));
  assert.equal(portOf(open(), "a"), 1);
});

test("what was applied can be set aside, and is kept in a file", (context) => {
  const { open } = repository(context);
  const store = open();
  store.commit(store.plan({ put: [read(service("a", 7))] }));
  assert.match(store.setAside(), /resources\.json\.refused$/);
  assert.equal(portOf(store, "a"), 1);
  assert.equal(portOf(open(), "a"), 1);
});

test("refuses one resource written twice in one change", (context) => {
  const { open } = repository(context);
  assert.throws(() => open().plan({ put: [read(service("b", 1)), read(service("b", 2))] }), /Service shop\/b/);
});
