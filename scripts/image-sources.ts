// Copies a service's folder and the workspaces it imports, for the Dockerfile: node scripts/image-sources.ts SERVICE TARGET
// TARGET/service leads to the service's folder, wherever that lies.
import { cpSync, globSync, lstatSync, mkdirSync, symlinkSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { contentsOf, workspaceOf } from "./image/contents.ts";

const root = resolve(import.meta.dirname, "..");
const [service = "", target = ""] = process.argv.slice(2);
const { workspaces } = contentsOf(root, service);

mkdirSync(target, { recursive: true });
for (const workspace of workspaces) {
  cpSync(join(root, workspace), join(target, workspace), {
    recursive: true,
    filter: (file) => isForRunning(relative(join(root, workspace), file), file, workspace),
  });
}
// Demo data is one for the shop: a seed reads what another service's products are.
for (const file of globSync("services/*/prisma/*.json", { cwd: root })) cpSync(join(root, file), join(target, file));
symlinkSync(workspaceOf(workspaces, service), join(target, "service"));
console.log(`${service}: ${workspaces.join(", ")}`);

function isForRunning(path: string, file: string, workspace: string): boolean {
  if (lstatSync(file).isDirectory()) {
    // Every service has a database client of its own, in gen/prisma under its name.
    if (workspace === "gen" && path.startsWith("prisma/") && path.split("/").length === 2)
      return basename(path) === service;
    return path !== "node_modules" && path !== "test";
  }
  return !/\.test\.ts$|\.md$/.test(path);
}
