/** When the contracts that end users may see are read. */
import assert from "node:assert/strict";
import { queryObjects } from "node:v8";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { ServerReflection } from "@row/gen/es/grpc/reflection/v1/reflection_pb.ts";
import { test } from "vitest";
import { servedBy } from "../contract.ts";
import { FileIndex } from "./file-index.ts";
import { addReflection } from "./reflection.ts";

test("no contract is kept in memory for reflection before somebody asks for one", async () => {
  const kept = () => queryObjects(FileIndex, { format: "count" });
  const contracts = servedBy(new Set(["catalog"]));
  const { serverReflectionInfo } = createClient(
    ServerReflection,
    createRouterTransport((router) => addReflection(router, contracts)),
  );
  assert.equal(kept(), 0);
  async function* asked() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
  }
  for await (const { messageResponse } of serverReflectionInfo(asked())) {
    assert.ok(messageResponse.case === "listServicesResponse");
    assert.deepEqual(
      messageResponse.value.service.map(({ name }) => name),
      ["shop.catalog.v1.CatalogService"],
    );
  }
  assert.equal(kept(), 1);
});
