/** `row mesh lint`: what Linkerd would take silently and not do. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { type Contracts, readContracts } from "@row/mesh/lint/contracts.ts";
import { loadSchemas } from "@row/mesh/lint/crd-schemas.ts";
import { lintPaths } from "@row/mesh/lint/lint.ts";
import type { Finding } from "@row/mesh/lint/rule.ts";
import { RULES } from "@row/mesh/lint/rules.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { collect } from "../collect.ts";

export interface LintFlags {
  /** Folders of CustomResourceDefinitions; every version in them must take the manifests. */
  crds: string[];
  /** A buf image or descriptor set; the shop's own unless given. */
  contracts?: string;
  rules?: boolean;
  json?: boolean;
}

export function lintCommand(here: () => Installation): Command {
  return new Command("lint")
    .description(
      "check Kubernetes manifests for what Linkerd takes silently and does not do; exit status 1 with findings",
    )
    .argument("[paths...]", "files, folders and - for standard input, linted as one cluster; the project's own if none")
    .option(
      "--crds <dir>",
      "also check against the CustomResourceDefinitions in a folder; may be repeated",
      collect,
      [],
    )
    .option(
      "--contracts <file>",
      "a buf image or descriptor set that tells streams and idempotent methods; the shop's own",
    )
    .option("--rules", "list the rules instead")
    .option("--json", "print JSON")
    .action((paths: string[], options: LintFlags) =>
      options.rules ? listRules(options.json) : meshLint(here(), paths, options),
    );
}

/** Prints every rule with its reason and its fix. */
export function listRules(json: boolean | undefined): void {
  const rules = RULES.map(({ name, why, fix }) => ({ name, why, fix }));
  const text = rules.map(({ name, why, fix }) => `${name}\n  why: ${why}\n  fix: ${fix}\n`).join("\n");
  console.log(json ? JSON.stringify(rules, null, 2) : text.trimEnd());
}

/** Prints what is wrong with the manifests; the exit status is 1 when anything is more than a hint. Without paths: the repository's own. */
export function meshLint(installation: Installation, paths: string[], options: LintFlags): void {
  const own = ["mesh/services", "mesh/policy", "mesh/routes", "k8s"].map((path) => join(installation.root, path));
  const linted = paths.length > 0 ? paths : own.filter(existsSync);
  if (linted.length === 0) throw new RowError("Cannot lint: there are no manifests here; name a file or a folder");
  const findings = orRefuse(() =>
    lintPaths(linted, {
      contracts: contractsOf(installation, options.contracts),
      schemas: options.crds.length > 0 ? loadSchemas(options.crds) : undefined,
    }),
  ).map((finding) => ({ ...finding, file: paths.length > 0 ? finding.file : relative(process.cwd(), finding.file) }));
  console.log(options.json ? JSON.stringify(findings, null, 2) : shown(findings));
  if (findings.some(({ level }) => level === "problem")) process.exitCode = 1;
}

function shown(findings: readonly Finding[]): string {
  if (findings.length === 0) return "No findings";
  const paragraphs = findings.map(
    ({ rule, level, file, line, message, why, fix }) =>
      `${file}:${line}  ${rule}${level === "hint" ? " (hint)" : ""}\n  ${message}\n  why: ${why}\n  fix: ${fix}\n`,
  );
  const files = new Set(findings.map(({ file }) => file)).size;
  return `${paragraphs.join("\n")}\n${count(findings.length, "finding")} in ${count(files, "file")}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function contractsOf({ root }: Installation, file: string | undefined): Contracts | undefined {
  const own = join(root, "gen/contracts.binpb");
  if (file === undefined) return existsSync(own) ? readContracts(readFileSync(own)) : undefined;
  return orRefuse(() => {
    const image = readFileSync(file);
    try {
      return readContracts(image);
    } catch (error) {
      throw new RowError(
        `Cannot read ${file}: it is no descriptor set (${messageOf(error)}); write one with buf build -o`,
      );
    }
  });
}

/** A path that is not there is the user's to correct. */
function orRefuse<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const path = error instanceof Error && "path" in error ? error.path : undefined;
    if (codeOf(error) === "ENOENT") throw new RowError(`Cannot read ${path}: there is no such file or folder`);
    throw error;
  }
}
