/**
 * `npm run check -- new-service`: adds a service as docs/adding-a-service.md says, command by command, in a copy of this
 * checkout, and compares what each command prints with the page.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { nextCommands } from "@row/cli/commands/new.ts";
import { realPort } from "@row/laptop/installation.ts";
import { isAsDocumented, readCommands, Shell } from "../harness/documented-commands.ts";
import { portBase } from "../harness/ports.ts";
import { copyProject } from "./project-copy.ts";

const PAGE = "docs/adding-a-service.md";
const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "row-new-service-"));
const project = join(folder, "canary-row");
const PORT_BASE = await portBase();
const installation = { root: project, stateDir: join(project, ".row"), portBase: PORT_BASE };

const commands = readCommands(readFileSync(join(root, PAGE), "utf8"));
const missing = nextCommands("wishes").filter((next) => !commands.some(({ command }) => command === next));
if (missing.length > 0) throw new Error(`${PAGE} lacks what row new says comes next: ${missing.join("; ")}`);

copyProject(root, project);
// Not this run's npm settings, but those of a person at a terminal.
const npm = Object.keys(process.env).filter((name) => /^npm_/i.test(name));
const shell = new Shell(project, { ROW_PORT_BASE: String(PORT_BASE), CI: "" }, `unset ${npm.join(" ")}`);
let isWell = true;
try {
  for (const { line, command, output } of commands) {
    const startedAt = Date.now();
    const printed = await shell.run(`${here(command)}\nprintf '\\nexit %s' $?`);
    const code = printed.pop();
    if (printed.at(-1) === "") printed.pop();
    isWell = code === "exit 0" && isAsDocumented(output.map(here), printed);
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    console.log(`${PAGE}:${line}: ${command} ${isWell ? "does what it says" : `FAILED, ${code}`} (${seconds} s)`);
    if (isWell) continue;
    console.log(`It prints\n${printed.join("\n")}\n\nwhere the page says\n${output.join("\n")}`);
    break;
  }
} finally {
  await shell.run("npx row down");
  shell.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = isWell ? 0 : 1;

/** Ports as this shop has them, and files of its own. */
function here(text: string): string {
  const shift = (_: string, host: string, port: string) => `${host}:${realPort(installation, Number(port))}`;
  return text.replace(/(localhost):(\d{4})/g, shift).replaceAll("/tmp/", `${folder}/`);
}
