import assert from "node:assert/strict";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import { test } from "vitest";
import { freePorts } from "./free-ports.ts";

function declared(port: number, adminPort: number): ServiceManifest {
  const name = `s${port}`;
  const lists = { redis: [], calls: [], consumes: [], secrets: [], bugs: [], env: {} };
  return { kind: "service", name, folder: `services/${name}`, port, adminPort, postgres: false, ...lists };
}

test("a service gets the ports after the last one's, unless somebody has them", () => {
  assert.deepEqual(freePorts([]), { port: 5051, adminPort: 6051 });
  assert.deepEqual(freePorts([declared(5051, 6051), declared(5056, 6056)]), { port: 5057, adminPort: 6057 });
  assert.deepEqual(freePorts([declared(5056, 6057)]), { port: 5058, adminPort: 6058 });
});

test("past the last one that a service may have, it gets ports that were left out", () => {
  assert.deepEqual(freePorts([declared(5051, 6051), declared(5099, 6099)]), { port: 5052, adminPort: 6052 });
  const all = Array.from({ length: 49 }, (_, index) => declared(5051 + index, 6051 + index));
  assert.throws(() => freePorts(all), /^RowError: Cannot find ports for another service: 5051 to 5099 are all/);
});
