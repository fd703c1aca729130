import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, test } from "vitest";
import { EdgeUnderTest } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
});
afterAll(() => edge.stop());

interface Document {
  openapi: string;
  paths: Record<
    string,
    Record<
      string,
      {
        parameters: { name: string; in: string; required?: boolean; schema: object }[];
        summary: string;
        security: object[];
        requestBody?: {
          required: boolean;
          content: Record<string, { schema: { additionalProperties?: boolean; $ref?: string } }>;
        };
        responses: Record<string, { content: object }>;
      }
    >
  >;
  components: {
    schemas: Record<
      string,
      {
        properties: Record<string, Record<string, unknown>>;
        required?: string[];
        enum?: string[];
        additionalProperties?: boolean;
      }
    >;
  };
}

async function document(): Promise<Document> {
  return (await (await edge.fetch("/openapi.json")).json()) as Document;
}

test("describes the API as valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(await document()) as unknown as Record<string, unknown>);
  assert.equal(result.valid, true, JSON.stringify(result.errors));
  assert.equal(validator.version, "3.1");
});

test("describes paths, parameters and comments from the contracts", async () => {
  const { paths } = await document();
  const list = paths["/v1/products"]?.get;
  assert.deepEqual(
    list?.parameters.map(({ name, in: where }) => `${where} ${name}`),
    ["query pageSize", "query pageToken", "query categoryId"],
  );
  assert.equal(list?.summary, "Lists products by name");
  assert.deepEqual(list?.security, [{}, { accessToken: [] }]);
  assert.deepEqual(paths["/v1/orders/{id}:cancel"]?.post?.security, [{ accessToken: [] }]);
  assert.deepEqual(paths["/v1/products:search"]?.get?.parameters[0]?.required, true);
  assert.deepEqual(Object.keys(paths["/v1/orders/{id}:watch"]?.get?.responses["200"]?.content ?? {}), [
    "text/event-stream",
    "application/x-ndjson",
  ]);
});

test("describes messages as proto3 JSON with the contract's rules", async () => {
  const { components } = await document();
  const request = components.schemas["shop.orders.v1.PlaceOrderRequest"];
  assert.deepEqual(request?.required, ["items", "paymentToken", "shippingAddress"]);
  assert.equal(request?.properties.items?.maxItems, 100);
  assert.equal(request?.properties.paymentToken?.pattern, "^tok_[a-z0-9_]{1,60}$");
  const quantity = components.schemas["shop.orders.v1.PlaceOrderRequest.Item"]?.properties.quantity;
  assert.deepEqual([quantity?.type, quantity?.minimum, quantity?.maximum], ["integer", 1, 1000]);
  const order = components.schemas["shop.orders.v1.Order"]?.properties;
  assert.equal(order?.version?.type, "string");
  assert.equal(order?.createTime?.format, "date-time");
  assert.ok(components.schemas["shop.orders.v1.Order.State"]?.enum?.includes("STATE_PENDING"));
});

test("says that a field is required whose rules leave out its default, and which body is not", async () => {
  const { components, paths } = await document();
  assert.deepEqual(components.schemas["shop.orders.v1.PlaceOrderRequest.Item"]?.required, ["productId", "quantity"]);
  assert.equal(paths["/v1/orders"]?.post?.requestBody?.required, true);
  assert.equal(paths["/v1/orders/{id}:cancel"]?.post?.requestBody?.required, false);
});

test("offers no value of an enum that is refused", async () => {
  const grants = Object.entries((await document()).paths).filter(([path]) => /:(grant|revoke)Role$|\/roles/.test(path));
  assert.ok(grants.length > 0);
  assert.doesNotMatch(JSON.stringify(grants), /ROLE_UNSPECIFIED|schemas\/shop\.options\.v1\.Role"/);
  assert.match(JSON.stringify(grants), /"enum":\["ROLE_CUSTOMER","ROLE_MERCHANT","ROLE_ADMIN"\]/);
});

test("says of every body that unknown fields are refused, down to the last object", async () => {
  const { components, paths } = await document();
  for (const [path, methods] of Object.entries(paths)) {
    for (const { requestBody } of Object.values(methods)) {
      const schema = requestBody?.content["application/json"]?.schema;
      const target = schema?.$ref ? components.schemas[schema.$ref.split("/").at(-1) ?? ""] : schema;
      if (schema) assert.equal(target?.additionalProperties, false, path);
    }
  }
  assert.equal(components.schemas["shop.orders.v1.PlaceOrderRequest.Item"]?.additionalProperties, false);
  assert.equal(components.schemas["shop.orders.v1.PlaceOrderResponse"]?.additionalProperties, undefined);
});

test("describes only what can be called, and nothing that is for services only", async () => {
  const { paths } = await document();
  assert.ok(!JSON.stringify(paths).includes("ReserveStock"));
  assert.equal(paths["/v1/products/{id}:adjustStock"], undefined); // there is no inventory behind this edge
});

test("serves pages that load nothing from elsewhere", async () => {
  for (const [path, type] of [
    ["/", "text/html"],
    ["/docs", "text/html"],
    ["/pages/docs.js", "text/javascript"],
    ["/pages/style.css", "text/css"],
  ] as const) {
    const answer = await edge.fetch(path);
    assert.equal(answer.status, 200, path);
    assert.ok(answer.headers.get("content-type")?.startsWith(type), path);
    assert.match(answer.headers.get("content-security-policy") ?? "", /script-src 'self'/);
    const text = await answer.text();
    assert.doesNotMatch(text, /(src|href)="https?:|@import|<script>|style="/, path);
  }
  const home = await (await edge.fetch("/")).text();
  for (const call of ["/v1/auth/register", "/v1/auth/login", "/v1/orders", "/docs", "/openapi.json"])
    assert.ok(home.includes(call), call);
});
