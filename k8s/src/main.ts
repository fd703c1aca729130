// Writes k8s/rendered, which kubectl applies. With --check it writes nothing, names every file that is not as it would be
// written, and fails when there is one.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { renderedFiles, shopAt } from "./profiles.ts";
import { RENDERED } from "./render.ts";

const root = join(import.meta.dirname, "../..");
if (process.argv.includes("--help")) {
  console.log(`npm run k8s:render

Writes k8s/rendered, which kubectl applies.

  --check  write nothing; name every file that is not as it would be written, and fail when there is one`);
  process.exit(0);
}
const isCheck = process.argv.includes("--check");
const wanted = renderedFiles(shopAt(root));
const present = globSync("k8s/rendered/{*.txt,*/*.yaml}", { cwd: root }).sort();

for (const [file, text] of wanted) {
  if (present.includes(file) && readFileSync(join(root, file), "utf8") === text) continue;
  if (isCheck) refuse(`${file} is not what service.yaml and k8s/src say: run "npm run k8s:render" and commit it`);
  else {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
}
// What somebody has put there by hand is left alone.
const isRendered = (file: string) => readFileSync(join(root, file), "utf8").startsWith(RENDERED);
for (const file of present.filter((file) => !wanted.has(file) && isRendered(file))) {
  if (isCheck) refuse(`${file} belongs to nothing: run "npm run k8s:render" and commit its removal`);
  else rmSync(join(root, file));
}

function refuse(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
