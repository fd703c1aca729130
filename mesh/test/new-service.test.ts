import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { methodsIn } from "@row/runtime/contract.ts";
import { eventsIn } from "@row/runtime/events/stream-names.ts";
import { identityOf, labelsOf } from "@row/runtime/names.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { test } from "vitest";
import { meshFiles } from "../src/generate/mesh-files.ts";
import { mayCall } from "../src/policy/verdict.ts";
import { readResources } from "../src/resources/read.ts";

const root = join(import.meta.dirname, "../..");

const CONTRACT = `
syntax = "proto3";
package shop.wishes.v1;
import "shop/options/v1/method.proto";
service WishService {
  rpc GetWish(GetWishRequest) returns (GetWishResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (shop.options.v1.method) = {call_class: CALL_CLASS_SLOW, access: ACCESS_SIGNED_IN};
  }
  rpc GrantWish(GrantWishRequest) returns (GrantWishResponse) {
    option (shop.options.v1.method) = {call_class: CALL_CLASS_FAST, access: ACCESS_NONE, callers: ["elves"]};
  }
}
message GetWishRequest {}
message GetWishResponse {}
message GrantWishRequest {}
message GrantWishResponse {}
`;

const EVENTS = 'syntax = "proto3";\npackage shop.wishes.v1;\nmessage WishGranted {}\n';
const VALUES = "name: wishes\nport: 5071\nadminPort: 6071\npostgres: true\nredis: [durable]\n";

test("a new folder and a new proto package are all that a service needs to be in the mesh", (context) => {
  const project = mkdtempSync(join(tmpdir(), "row-new-service-"));
  context.onTestFinished(() => rmSync(project, { recursive: true, force: true }));
  cpSync(join(root, "proto/shop/options"), join(project, "proto/shop/options"), { recursive: true });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  };
  write("buf.yaml", "version: v2\nmodules: [{ path: proto }]\n");
  write("proto/shop/wishes/v1/wish_service.proto", CONTRACT);
  write("proto/shop/wishes/v1/wishes_events.proto", EVENTS);
  write("services/wishes/service.yaml", VALUES);
  execFileSync(join(root, "node_modules/.bin/buf"), ["build", "-o", "image.binpb"], { cwd: project });
  const image = fromBinary(FileDescriptorSetSchema, readFileSync(join(project, "image.binpb")));
  const contracts = createFileRegistry(image);

  const files = meshFiles({
    services: discoverServices(project),
    methods: [...methodsIn(contracts).values()],
    publishes: (service) => eventsIn(contracts).some(({ domain }) => domain === service),
  });

  const own = [...files.keys()].filter((file) => file.endsWith("/wishes.yaml"));
  assert.deepEqual(own, ["mesh/policy/wishes.yaml", "mesh/routes/wishes.yaml", "mesh/services/wishes.yaml"]);
  const resources = [...files].flatMap(([file, text]) => readResources(text, file).resources);
  const decide = (method: string, caller: string) => {
    const path = `/shop.wishes.v1.WishService/${method}`;
    return mayCall(resources, { labels: labelsOf("wishes", "v1"), path, caller: identityOf(caller) }).decision;
  };
  assert.deepEqual(
    ["edge", "toolbox", "elves"].map((name) => decide("GetWish", name)),
    ["allow", "allow", "deny"],
  );
  assert.deepEqual(
    ["edge", "toolbox", "elves"].map((name) => decide("GrantWish", name)),
    ["deny", "deny", "allow"],
  );
  const routes = resources.filter(
    ({ kind, metadata }) => kind === "GRPCRoute" && /^wishes-(fast|slow|other)/.test(metadata.name),
  );
  assert.deepEqual(
    routes.map(({ metadata }) => [metadata.name, metadata.annotations["timeout.linkerd.io/request"]]),
    [
      ["wishes-fast", "500ms"],
      ["wishes-slow-retried", "10s"],
      ["wishes-other", undefined],
    ],
  );
  for (const store of ["postgres", "nats", "redis-durable"]) {
    assert.match(files.get(`mesh/policy/${store}.yaml`) ?? "", /- wishes\.shop\.serviceaccount/, store);
  }
  assert.doesNotMatch(files.get("mesh/policy/redis-cache.yaml") ?? "", /wishes/);
});
