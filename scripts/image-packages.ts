// Copies the installed packages that a service runs on, for the Dockerfile: node scripts/image-packages.ts SERVICE TARGET
import { cpSync, existsSync, lstatSync, mkdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { contentsOf, queryCompilersOf } from "./image/contents.ts";
import { isNeedless } from "./image/needless-files.ts";

const root = resolve(import.meta.dirname, "..");
const [service = "", target = ""] = process.argv.slice(2);
mkdirSync(target, { recursive: true });
const compilers = queryCompilersOf(root, service);

let copied = 0;
for (const folder of contentsOf(root, service).packages) {
  const source = join(root, folder);
  // What is for another platform was not installed.
  if (!existsSync(source)) continue;
  copied++;
  const isLink = lstatSync(source).isSymbolicLink();
  cpSync(source, join(target, folder), {
    recursive: true,
    verbatimSymlinks: true,
    filter(file) {
      const path = relative(source, file);
      if (isLink || path === "") return true;
      // Packages inside a package come by themselves, each if it is needed.
      if (path === "node_modules") return false;
      return !isNeedless(path, lstatSync(file).isDirectory(), compilers);
    },
  });
}
console.log(`${service}: ${copied} packages`);
