// Writes mesh/services, mesh/policy and mesh/routes, which follow from the contracts and every service.yaml. With --check it
// writes nothing, names every file that is not as it would be written, and fails when there is one.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GENERATED, meshFiles } from "@row/mesh/generate/mesh-files.ts";
import { discoverServices } from "@row/mesh/service-manifest.ts";
import { methods, registry } from "@row/runtime/contract.ts";
import { eventsIn } from "@row/runtime/stream-names.ts";

const root = join(import.meta.dirname, "..");
const isCheck = process.argv.includes("--check");

const publishers = new Set(eventsIn(registry).map(({ domain }) => domain));
const wanted = meshFiles({
  services: discoverServices(root),
  methods: [...methods.values()],
  publishes: (service) => publishers.has(service),
});
const present = new Map(
  globSync("mesh/{services,policy,routes}/*.yaml", { cwd: root }).map((file) => [file, read(file)] as const),
);
const missing = [...wanted].filter(([file, text]) => present.get(file) !== text).map(([file]) => file);
// What a user has put there by hand stays.
const left = [...present]
  .filter(([file, text]) => text.startsWith(GENERATED) && !wanted.has(file))
  .map(([file]) => file);

if (isCheck) {
  for (const file of missing) {
    const what = present.has(file) ? "is not what the contracts and service.yaml say" : "is missing";
    console.error(`${file} ${what}: run "npm run generate" and commit what it writes`);
  }
  for (const file of left)
    console.error(`${file} belongs to no service: run "npm run generate" and commit its removal`);
  process.exitCode = missing.length + left.length > 0 ? 1 : 0;
} else {
  for (const file of missing) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), wanted.get(file) ?? "");
  }
  for (const file of left) rmSync(join(root, file));
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}
