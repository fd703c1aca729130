// Fails when the contracts break the last released one (npm run release:contract), or when that leaves a service out.
import { resolve } from "node:path";
import { breakingChanges, RELEASED, unreleasedDomains } from "./contract-release.ts";

const root = resolve(process.argv[2] ?? `${import.meta.dirname}/..`);
const changes = breakingChanges(root);
const unreleased = unreleasedDomains(root);
if (changes) console.error(`${changes}Cannot change the contracts like that: clients of ${RELEASED} would break`);
if (unreleased.length > 0) {
  console.error(`Not in ${RELEASED}, and so not protected: ${unreleased.join(", ")}. Run "npm run release:contract"`);
}
process.exitCode = changes || unreleased.length > 0 ? 1 : 0;
