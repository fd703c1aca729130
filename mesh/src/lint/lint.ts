/** Checks Kubernetes manifests for what Linkerd takes silently and does not do. */
import { readFileSync } from "node:fs";
import { type Manifest, readManifests } from "../resources/manifest.ts";
import type { Problem } from "../resources/problem.ts";
import { yamlFiles } from "../resources/read.ts";
import { Cluster } from "./cluster.ts";
import type { Contracts } from "./contracts.ts";
import { checkSchemas, type Schemas } from "./crd-schemas.ts";
import type { Finding } from "./rule.ts";
import { RULES } from "./rules.ts";

export interface LintOptions {
  /** What is known of the methods: streams, and which may be repeated. Names alone are gone by without. */
  readonly contracts?: Contracts;
  /** Schemas to hold the manifests against. */
  readonly schemas?: Schemas;
}

/** Lints files and folders (*.yaml, *.yml) as one cluster. Throws when a path is not there. */
export function lintPaths(paths: readonly string[], options: LintOptions = {}): Finding[] {
  const read = [...new Set(paths.flatMap(yamlFiles))].map((file) => readManifests(readFileSync(file, "utf8"), file));
  // A document without apiVersion and kind is some other YAML: a values file, a patch.
  const unreadable = read.flatMap(({ problems }) => problems).filter(({ path }) => path === undefined);
  return sorted([
    ...unreadable.map(unreadableFinding),
    ...lint(
      read.flatMap(({ manifests }) => manifests),
      options,
    ),
  ]);
}

/** Lints manifests as one cluster: what they refer to is looked for among them. Findings are sorted by file and line. */
export function lint(manifests: readonly Manifest[], { contracts, schemas }: LintOptions = {}): Finding[] {
  const cluster = new Cluster(manifests, contracts);
  const found = RULES.flatMap((rule) =>
    [...rule.check(cluster)].map(({ at, message, fix }) => ({
      rule: rule.name,
      file: at.manifest.file,
      line: at.line,
      message,
      why: rule.why,
      fix: fix ?? rule.fix,
    })),
  );
  return sorted([...found, ...(schemas ? checkSchemas(manifests, schemas) : [])]);
}

function unreadableFinding({ file, line, message }: Problem): Finding {
  const why = "kubectl refuses the whole file, or an editor has mixed something into it";
  return { rule: "unreadable", file, line, message, why, fix: "correct the YAML" };
}

function sorted(findings: Finding[]): Finding[] {
  return findings.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}
