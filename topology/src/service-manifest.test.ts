import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "vitest";
import { discoverServices } from "./service-manifest.ts";

test("reads which Redis a service keeps something in, and none where it does not say", (context) => {
  const found = discoverServices(projectWith(context, { alpha: "redis: [durable, cache]", beta: "" }));
  assert.deepEqual(
    found.map(({ redis }) => redis),
    [["durable", "cache"], []],
  );
  assert.throws(
    () => discoverServices(projectWith(context, { alpha: "redis: [fast]" })),
    /services\/alpha\/service\.yaml: "redis" must be a list of durable and cache/,
  );
});

function projectWith(context: TestContext, services: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "row-manifests-"));
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [index, [name, fields]] of Object.entries(services).entries()) {
    mkdirSync(join(root, "services", name), { recursive: true });
    writeFileSync(
      join(root, "services", name, "service.yaml"),
      `name: ${name}\nport: ${5071 + index}\nadminPort: ${6071 + index}\n${fields}\n`,
    );
  }
  return root;
}
