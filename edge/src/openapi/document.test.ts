import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { test } from "vitest";
import { bind } from "../../test/specimen.ts";
import { openApiDocument } from "./document.ts";

interface Described {
  readonly info: { readonly description: string };
  readonly paths: Record<
    string,
    Record<string, { operationId: string; deprecated?: boolean; parameters: { name: string }[] }>
  >;
}

async function documentOf(...rules: Parameters<typeof bind>): Promise<Described> {
  const document = openApiDocument(bind(...rules));
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.equal(valid, true, JSON.stringify(errors));
  return document as unknown as Described;
}

const get = (value: string) => ({ pattern: { case: "get", value } }) as const;

test("describes one path for each pattern of a resource, none in another's place", async () => {
  const { paths } = await documentOf({
    ...get("/v1/{name=shelves/*}"),
    additionalBindings: [
      get("/v1/{name=books/*}"),
      get("/v1/{name=shelves/*/stories/*}:read"),
      get("/v1/{name=files/**}"),
    ],
  });
  assert.deepEqual(Object.keys(paths), [
    "/v1/shelves/{shelf}",
    "/v1/books/{book}",
    "/v1/shelves/{shelf}/stories/{story}:read",
    "/v1/files/{file}",
  ]);
  for (const [path, { get: operation }] of Object.entries(paths)) {
    for (const { name } of operation?.parameters.slice(0, 1) ?? []) assert.ok(path.includes(`{${name}}`), path);
  }
});

test("describes methods whose templates name the same segments otherwise under one path, as OpenAPI wants", async () => {
  const { paths } = await documentOf({
    ...get("/v1/things/{name}"),
    additionalBindings: [{ pattern: { case: "delete", value: "/v1/things/{title}" } }],
  });
  assert.deepEqual(Object.keys(paths), ["/v1/things/{name}"]);
  assert.deepEqual(paths["/v1/things/{name}"]?.delete?.parameters[0]?.name, "name");
});

test("names operations with their package, so that two versions of a service stand side by side", async () => {
  const { paths } = await documentOf({ ...get("/v1/a"), additionalBindings: [get("/v1/b")] });
  assert.equal(paths["/v1/a"]?.get?.operationId, "specimen_Service_Do");
  assert.equal(paths["/v1/b"]?.get?.operationId, "specimen_Service_Do_1");
});

test("marks a deprecated method", async () => {
  const { paths } = await documentOf({ pattern: { case: "post", value: "/v1/say" }, body: "*" }, "Say");
  assert.equal(paths["/v1/say"]?.post?.deprecated, true);
  assert.equal((await documentOf(get("/v1/a"))).paths["/v1/a"]?.get?.deprecated, undefined);
});

test("leaves out the methods that OpenAPI has no word for, and says so", async () => {
  const { paths, info } = await documentOf({
    ...get("/v1/things"),
    additionalBindings: [
      { pattern: { case: "custom", value: { kind: "PURGE", path: "/v1/things" } } },
      { pattern: { case: "custom", value: { kind: "*", path: "/v1/anything" } } },
    ],
  });
  assert.deepEqual(Object.keys(paths), ["/v1/things"]);
  assert.match(info.description, /cannot describe: PURGE \/v1\/things, \* \/v1\/anything\./);
});
