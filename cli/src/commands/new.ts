/** `row new`: writes the smallest complete service, from its contract to its test. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Installation } from "@row/laptop/installation.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { ACCESS, type Plan, planService } from "../new-service/plan.ts";

interface NewFlags {
  readonly resource: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function newCommand(here: () => Installation): Command {
  return new Command("new")
    .description("write a new service: contract, values, handlers, store, migration and test")
    .argument("<name>", "what the service keeps, in one word, such as wishes")
    .option("--resource <word>", "one of what it keeps, such as wish or gift-card", "item")
    .option("--dry-run", "say which files it would write, and write none")
    .option("--json", "say it as JSON")
    .action(async (name: string, { resource, dryRun = false, json = false }: NewFlags) => {
      const { root } = here();
      const plan = planService(root, name, resource, new Date());
      if (!dryRun) await writeService(root, plan);
      console.log(json ? JSON.stringify(asJson(plan), null, 2) : describe(plan, dryRun));
    });
}

/** What is left to do, in this order; each is a command line. */
export function nextCommands(name: string): string[] {
  return [
    "npm install",
    "npm run generate",
    "npm run k8s:render",
    "npm run release:contract",
    "npm run check -- types style unused contracts mesh k8s",
    `npm test -- services/${name} tests/contract.test.ts tests/mesh-policy.test.ts`,
  ];
}

async function writeService(root: string, { names, files, access }: Plan): Promise<void> {
  for (const [file, text] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text, { flag: "wx" });
  }
  writeFileSync(join(root, ACCESS), access);
  // The order of imports and where lines break depend on the names.
  const code = [...files.keys()].filter((file) => /\.(ts|json)$/.test(file));
  await format(root, "biome", ["check", "--write", ...code]);
  await format(root, "buf", ["format", "--write", "proto", "--path", `proto/shop/${names.name}`]);
}

const FORMAT_MS = 60_000;

async function format(root: string, program: string, args: string[]): Promise<void> {
  const options = { cwd: root, timeout: FORMAT_MS };
  await promisify(execFile)(process.execPath, [join(root, "node_modules/.bin", program), ...args], options).catch(
    (error: unknown) => {
      throw new RowError(`Everything is written, but not formatted: run "npm run format". ${messageOf(error)}`);
    },
  );
}

function asJson({ names: { name, file }, ports, files }: Plan): object {
  return {
    ...{ name, resource: file, ...ports },
    ...{ files: [...files.keys()], changed: [ACCESS], next: nextCommands(name) },
  };
}

function describe({ names: { name }, ports: { port, adminPort }, files }: Plan, isDryRun: boolean): string {
  const [written, changed] = isDryRun ? ["would write", "would change"] : ["wrote", "changed"];
  return [
    `${name}, gRPC on ${port}, admin on ${adminPort}: ${written} ${files.size} files and ${changed} ${ACCESS}`,
    ...[...files.keys()].map((file) => `  ${file}`),
    "",
    "Next:",
    ...nextCommands(name).map((command) => `  ${command}`),
    "and then docs/adding-a-service.md, from where the service starts.",
  ].join("\n");
}
