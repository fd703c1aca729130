import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "vitest";
import { discoverServices, isCallable, isMeshed, portsOf } from "./service-manifest.ts";

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

test("a gateway calls the services whose contracts let end users in, and lists none of them", (context) => {
  const root = projectWith(context, { catalog: "", shipping: "", notes: "" });
  write(root, "front/service.yaml", "name: front\nkind: gateway\nport: 8080\ngrpcPort: 8081\nadminPort: 6080\n");
  const callsOf = (name: string) => discoverServices(root).find((one) => one.name === name)?.calls;
  assert.deepEqual(callsOf("front"), [], "of a project without contracts");
  mkdirSync(join(root, "gen"));
  cpSync(join(import.meta.dirname, "../../gen/contracts.binpb"), join(root, "gen/contracts.binpb"));
  // Shipping's RPCs are for services only; of notes there is no contract.
  assert.deepEqual(callsOf("front"), ["catalog"]);
  assert.deepEqual(callsOf("catalog"), []);
  write(
    root,
    "front/service.yaml",
    "name: front\nkind: gateway\nport: 8080\ngrpcPort: 8081\nadminPort: 6080\ncalls: []\n",
  );
  assert.throws(() => discoverServices(root), /front\/service\.yaml: "calls" must be left out: a gateway calls/);
});

test("the kind of a service says which ports it has, whether others call it, and whether it is in the mesh", (context) => {
  const root = projectWith(context, { alpha: "", beta: "kind: web", gamma: "kind: outside" });
  write(root, "delta/service.yaml", "name: delta\nkind: gateway\nport: 8080\ngrpcPort: 8081\nadminPort: 6080\n");
  const found = discoverServices(root).map((service) => {
    return [service.name, portsOf(service), isCallable(service), isMeshed(service)];
  });
  assert.deepEqual(found, [
    ["alpha", { grpc: 5071, admin: 6071 }, true, true],
    ["beta", { http: 5072, admin: 6072 }, false, true],
    ["delta", { http: 8080, grpc: 8081, admin: 6080 }, false, true],
    ["gamma", { http: 5073 }, false, false],
  ]);
  write(root, "delta/service.yaml", "name: delta\nkind: gateway\nport: 8080\nadminPort: 6080\n");
  assert.throws(() => discoverServices(root), /delta\/service\.yaml: "grpcPort" must be a port/);
  write(root, "delta/service.yaml", "name: delta\nkind: proxy\nport: 8080\n");
  assert.throws(() => discoverServices(root), /"kind" must be one of service, gateway, web, outside/);
});

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

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
