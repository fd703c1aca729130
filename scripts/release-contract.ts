// Records the contracts of the implemented services as released: from then on they may only grow.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { breakingChanges, RELEASED, release } from "./contract-release.ts";

const root = resolve(process.argv[2] ?? `${import.meta.dirname}/..`);
const changes = existsSync(join(root, RELEASED)) ? breakingChanges(root) : "";
if (changes) {
  console.error(`${changes}Cannot release: clients of the last release would break. Reserve what you remove`);
  process.exitCode = 1;
} else {
  console.log(`${RELEASED} now holds ${release(root).join(", ")}: commit it`);
}
