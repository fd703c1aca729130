import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { HttpRuleSchema } from "@row/gen/es/google/api/http_pb.ts";
import { GetProductResponseSchema } from "@row/gen/es/shop/catalog/v1/catalog_service_pb.ts";
import { methodAt } from "@row/runtime/contract.ts";
import { test } from "vitest";
import { bindingsOfRule } from "./binding.ts";
import { responseJson } from "./response.ts";

const contract = methodAt("/shop.catalog.v1.CatalogService/GetProduct");
const encode = (init: Parameters<typeof create<typeof GetProductResponseSchema>>[1]) =>
  Buffer.from(toBinary(GetProductResponseSchema, create(GetProductResponseSchema, init)));
const pattern = { case: "get", value: "/v2/products/{id}" } as const;

test("answers one field when the rule names it", () => {
  const [binding] = bindingsOfRule(contract, create(HttpRuleSchema, { pattern, responseBody: "product" }));
  assert.ok(binding);
  assert.equal(JSON.parse(responseJson(binding, encode({ product: { id: "p", version: 2n } }))).version, "2");
  assert.equal(responseJson(binding, encode({})), "{}");
});

test("refuses a rule that answers a field that is not there", () => {
  assert.throws(() => bindingsOfRule(contract, create(HttpRuleSchema, { pattern, responseBody: "nope" })), /"nope"/);
});
