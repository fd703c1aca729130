/** What a checkout's processes are made of, as a fingerprint: the same sources give the same bundle. */
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PATTERNS = [
  "{*,services/*,mesh/src/*}/{package,service}.{json,yaml}",
  "{runtime,topology,mesh,edge,services/*}/src/**/*.{ts,json}",
  "gen/{es,grpc,prisma}/**/*.ts",
  "package-lock.json",
];

/** The fingerprint, which is another one for a checkout elsewhere: a bundle finds packages and files by where its checkout lies. */
export function fingerprintOf(checkout: string, bundler: string): string {
  const hash = createHash("sha256").update(`${bundler}\0${checkout}\0`);
  for (const file of globSync(PATTERNS, { cwd: checkout, exclude: ["node_modules/**"] }).sort()) {
    hash.update(`${file}\0`).update(readFileSync(join(checkout, file)));
  }
  return hash.digest("hex").slice(0, 32);
}

/** The words by which a module finds files beside itself, which a bundle, lying elsewhere, has not beside it. */
const OWN_PLACE = /\bimport\.meta\.(url|dirname|filename|main)\b/;

/** The sources among these that would not find their files from inside a bundle. Prisma's clients ask where they are and need nothing there. */
export function boundToTheirPlace(checkout: string, files: readonly string[]): string[] {
  return files.filter((file) => !file.startsWith("gen/") && OWN_PLACE.test(readFileSync(join(checkout, file), "utf8")));
}
