/** `row apply` and `row delete`: manifests and names, brought into the running mesh. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { Installation } from "@row/laptop/installation.ts";
import type { ChangeReport, Document } from "@row/laptop/sidecars/requests.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { InvalidResources } from "@row/mesh/resources/problem.ts";
import { readResources, resourceFiles } from "@row/mesh/resources/read.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { collect } from "../collect.ts";
import { manifestDiff } from "../manifest-diff.ts";

export interface FileFlags {
  filename: string[];
  dryRun?: boolean;
}

const DRY_RUN = "show what would change, or why it is refused, and change nothing";

export function applyCommand(here: () => Installation): Command {
  return new Command("apply")
    .description("change the running mesh as Kubernetes manifests say; all of them or none")
    .option("-f, --filename <path>", "a file, a folder, or - for standard input; may be repeated", collect, [])
    .option("--dry-run", DRY_RUN)
    .action((options: FileFlags) => apply(here(), options));
}

export function deleteCommand(here: () => Installation): Command {
  return new Command("delete")
    .description("delete resources of the running mesh")
    .argument("[kind]", "such as grpcroute")
    .argument("[names...]", "the resources to delete")
    .option("-f, --filename <path>", "delete what this file or folder describes; may be repeated", collect, [])
    .option("--dry-run", DRY_RUN)
    .action((kind: string | undefined, names: string[], options: FileFlags) => remove(here(), kind, names, options));
}

/** Changes the running mesh as the files say; all of them, or nothing. */
export async function apply({ stateDir }: Installation, { filename, dryRun }: FileFlags): Promise<void> {
  if (filename.length === 0) throw new RowError("Cannot apply: name a file, a folder or standard input with -f FILE");
  const documents = (await Promise.all(filename.map(readDocuments))).flat();
  const { outcomes } = await askMesh(stateDir, "apply", { documents, isDryRun: dryRun });
  show(outcomes);
}

/** Deletes what is named, or everything that the files describe. */
export async function remove(
  { stateDir }: Installation,
  kind: string | undefined,
  names: string[],
  { filename, dryRun }: FileFlags,
): Promise<void> {
  const fromFiles = await targetsIn((await Promise.all(filename.map(readDocuments))).flat());
  if (fromFiles.length === 0 && (!kind || names.length === 0)) {
    throw new RowError(
      "Cannot delete: give a kind and a name, such as `npx row delete grpcroute catalog-canary`, or -f FILE",
    );
  }
  const targets = [...fromFiles, ...names.map((name) => ({ kind: kind ?? "", name }))];
  const { outcomes } = await askMesh(stateDir, "delete", { targets, isDryRun: dryRun });
  show(outcomes);
}

function targetsIn(documents: Document[]): { kind: string; name: string }[] {
  return documents.flatMap(({ file, text }) => {
    const { resources, problems } = readResources(text, file);
    if (problems.length > 0) throw new RowError(new InvalidResources(problems).message);
    return resources.map(({ kind, metadata }) => ({ kind, name: metadata.name }));
  });
}

async function readDocuments(path: string): Promise<Document[]> {
  if (path === "-") return [{ file: "standard input", text: await text(process.stdin) }];
  try {
    const files = resourceFiles(path);
    if (files.length === 0) throw new RowError(`Cannot find a .yaml or .yml file in ${path}`);
    return files.map((file) => ({ file, text: readFileSync(file, "utf8") }));
  } catch (error) {
    if (error instanceof RowError) throw error;
    throw new RowError(
      `Cannot read ${path}: ${codeOf(error) === "ENOENT" ? "there is no such file" : messageOf(error)}`,
    );
  }
}

function show(outcomes: ChangeReport[]): void {
  for (const { resource, outcome, before, after } of outcomes) {
    if (before === undefined || after === undefined) console.log(`${resource} ${outcome}`);
    else console.log([`${resource} ${outcome} (dry run)`, ...manifestDiff(before, after)].join("\n"));
  }
}
