// Writes mesh/services, mesh/policy and mesh/routes, which follow from the contracts and every service.yaml. With --check it
// writes nothing, names every file that is not as it would be written, and fails when there is one.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describeDrift, driftOf } from "@row/mesh/generate/drift.ts";
import { meshFiles } from "@row/mesh/generate/mesh-files.ts";
import { methods, registry } from "@row/runtime/contract.ts";
import { eventsIn } from "@row/runtime/events/stream-names.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";

const root = join(import.meta.dirname, "..");

const publishers = new Set(eventsIn(registry).map(({ domain }) => domain));
const wanted = meshFiles({
  services: discoverServices(root),
  methods: [...methods.values()],
  publishes: (service) => publishers.has(service),
});
const files = globSync("mesh/{services,policy,routes}/*.yaml", { cwd: root }).sort();
const drift = driftOf(wanted, new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")])));

if (process.argv.includes("--check")) {
  for (const line of describeDrift(drift)) console.error(line);
  process.exitCode = drift.toWrite.length + drift.toRemove.length > 0 ? 1 : 0;
} else {
  for (const file of drift.toWrite) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), wanted.get(file) ?? "");
  }
  for (const file of drift.toRemove) rmSync(join(root, file));
}
