/** When the API's description is made. */
import assert from "node:assert/strict";
import fastify from "fastify";
import { test } from "vitest";
import { addPages } from "./pages.ts";

test("the API is described when that is first asked for, and once", async () => {
  const app = fastify();
  let made = 0;
  addPages(app, () => {
    made += 1;
    return '{"openapi":"3.1.0"}';
  });
  await app.ready();
  assert.equal((await app.inject("/")).statusCode, 200);
  assert.equal(made, 0);
  for (let time = 1; time <= 2; time += 1)
    assert.deepEqual((await app.inject("/openapi.json")).json(), { openapi: "3.1.0" });
  assert.equal(made, 1);
});
