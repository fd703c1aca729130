// Records the contracts of the implemented services as released: from then on they may only grow.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { breakingChanges, RELEASED, release } from "./contract-release.ts";
import { readFlags } from "./flags.ts";

const USAGE = `npm run release:contract

Records the contracts of the implemented services as released, in ${RELEASED}: from then on they may only grow.`;

const { positionals } = readFlags(USAGE, { allowPositionals: true });
const root = resolve(positionals[0] ?? `${import.meta.dirname}/..`);
const changes = existsSync(join(root, RELEASED)) ? breakingChanges(root) : "";
if (changes) {
  console.error(`${changes}Cannot release: clients of the last release would break. Reserve what you remove`);
  process.exitCode = 1;
} else {
  console.log(`${RELEASED} now holds ${release(root).join(", ")}: commit it`);
}
