// Bundles the program of a service beside its sources, for the Dockerfile: node scripts/image-bundle.ts APP
// APP holds what image-sources.ts and image-packages.ts copied; APP/bundle/main.mjs is what production runs.
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../laptop/src/bundle/compile.ts";

const [app = ""] = process.argv.slice(2);
const folder = realpathSync(app);
await compile(folder, { main: join(realpathSync(join(folder, "service")), "src/main.ts") }, join(folder, "bundle"));
