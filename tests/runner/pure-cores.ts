/** Which files say at their top that they decide without any I/O. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Their paths, from the project's root. */
export function pureCores(root: string): string[] {
  return globSync("**/src/**/*.ts", { cwd: root, exclude: ["**/node_modules/**", "gen/**", ".row/**"] }).filter(
    (file) => !file.endsWith(".test.ts") && isSaidPure(readFileSync(join(root, file), "utf8")),
  );
}

/** Whether the comment at a file's top says so. */
function isSaidPure(text: string): boolean {
  const opening = /^(?:\/\*\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(text)?.[0] ?? "";
  return /\bPure: |Nothing here does I\/O/.test(opening);
}
