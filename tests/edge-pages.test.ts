import assert from "node:assert/strict";
import { getOption } from "@bufbuild/protobuf";
import { http } from "@row/gen/es/google/api/annotations_pb.ts";
import { methods } from "@row/runtime/contract.ts";
import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, test } from "vitest";
import { expectOk } from "./harness/rest.ts";
import { type TheShop, theShop } from "./harness/the-shop.ts";

let shop: TheShop;

beforeAll(async () => {
  shop = await theShop();
});

test("/openapi.json is a valid OpenAPI 3.1 document", async () => {
  const document = expectOk(await shop.rest.get("/openapi.json"));
  assert.match(document.openapi, /^3\.1\./);
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.deepEqual({ valid, errors }, { valid: true, errors: undefined });
});

test("/openapi.json lists every REST path of the contracts, and no other", async () => {
  const { paths } = expectOk(await shop.rest.get("/openapi.json"));
  const listed = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item as object)
      .filter((verb) => ["get", "put", "post", "patch", "delete"].includes(verb))
      .map((verb) => `${verb} ${path}`),
  );
  const declared = [...methods.values()].flatMap(({ descriptor }) => {
    const rule = getOption(descriptor, http);
    return [rule, ...rule.additionalBindings].flatMap(({ pattern }) =>
      typeof pattern.value === "string" ? [`${pattern.case} ${asJson(pattern.value)}`] : [],
    );
  });
  assert.ok(declared.length > 20);
  assert.deepEqual(
    declared.filter((path) => !listed.includes(path)),
    [],
  );
  // What the edge serves of its own is not of the contracts.
  const own = listed.filter((path) => !declared.includes(path));
  assert.ok(
    own.every((path) => !path.includes("/v1/")),
    own.join(", "),
  );
});

test("every $ref of /openapi.json leads somewhere", async () => {
  const document = expectOk(await shop.rest.get("/openapi.json"));
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, pointer = ""]) => pointer);
  assert.ok(refs.length > 20);
  const leads = (pointer: string) =>
    pointer.split("/").reduce((node, key) => node?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);
  assert.deepEqual(
    [...new Set(refs)].filter((pointer) => leads(pointer) === undefined),
    [],
  );
});

test("/docs and / are pages that load nothing from elsewhere", async () => {
  for (const path of ["/docs", "/"]) {
    const { status, headers, body } = await shop.rest.get(path);
    assert.equal(status, 200, path);
    assert.match(headers.get("content-type") ?? "", /^text\/html/);
    assert.ok(headers.get("content-security-policy"), `${path} has a content security policy`);
    assert.doesNotMatch(body, /(src|href)="(https?:)?\/\/(?!127\.0\.0\.1|localhost|\[::1\])[^"]*\.(js|css|woff2?)"/);
  }
  assert.match((await shop.rest.get("/")).body, /curl/);
});

test("every answer says who served it, under which correlation id, and keeps the one it is given", async () => {
  const given = await shop.rest.get("/v1/categories", { headers: { "x-correlation-id": "my-own-id" } });
  assert.equal(given.headers.get("x-correlation-id"), "my-own-id");
  assert.match(given.headers.get("x-served-by") ?? "", /catalog\/v1\/catalog-v1-1/);
  const made = await shop.rest.get("/v1/categories");
  assert.match(made.headers.get("x-correlation-id") ?? "", /^[\w.:-]{8,}$/);
});

/** {product_id} of a template is {productId} in the document. */
function asJson(template: string): string {
  return template.replace(
    /\{([^}=]+)[^}]*\}/g,
    (_, field: string) => `{${field.replace(/_(\w)/g, (_m, c) => c.toUpperCase())}}`,
  );
}
