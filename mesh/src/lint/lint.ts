/** Checks Kubernetes manifests for what Linkerd takes silently and does not do. */
import { readFileSync } from "node:fs";
import { type Manifest, readManifests } from "../resources/manifest.ts";
import type { Problem } from "../resources/problem.ts";
import { yamlFiles } from "../resources/read.ts";
import { Cluster } from "./cluster.ts";
import type { Contracts } from "./contracts.ts";
import { checkSchemas, type Schemas } from "./crd-schemas.ts";
import { patchesAmong, patchFinding } from "./kustomize.ts";
import type { Finding } from "./rule.ts";
import { RULES } from "./rules.ts";

export interface LintOptions {
  /** What is known of the methods: streams, and which may be repeated. Names alone are gone by without. */
  readonly contracts?: Contracts;
  /** Schemas to hold the manifests against. */
  readonly schemas?: Schemas;
}

/** Lints files and folders (*.yaml, *.yml) as one cluster; "-" is standard input. Throws when a path is not there. */
export function lintPaths(paths: readonly string[], options: LintOptions = {}): Finding[] {
  const files = new Set(paths.flatMap((path) => (path === STANDARD_INPUT ? [path] : yamlFiles(path))));
  const texts = [...files].map((file) => ({ file, text: readFileSync(file === STANDARD_INPUT ? 0 : file, "utf8") }));
  const patches = patchesAmong(texts.filter(({ file }) => file !== STANDARD_INPUT));
  const read = texts
    .filter(({ file }) => !patches.has(file))
    .map(({ file, text }) => ({ text, ...readManifests(text, file) }));
  const unreadable = read.flatMap(({ text, problems }) => unreadableFinding(text, problems) ?? []);
  const manifests = read.flatMap((result) => result.manifests);
  return sorted([...patchFinding(patches), ...unreadable, ...lint(manifests, options)]);
}

const STANDARD_INPUT = "-";

/** Lints manifests as one cluster: what they refer to is looked for among them. Findings are sorted by file and line. */
export function lint(manifests: readonly Manifest[], { contracts, schemas }: LintOptions = {}): Finding[] {
  const cluster = new Cluster(manifests, contracts);
  const found = RULES.flatMap((rule) =>
    [...rule.check(cluster)].map(({ at, message, fix, isHint = false }) => ({
      rule: rule.name,
      level: isHint ? ("hint" as const) : ("problem" as const),
      file: at.manifest.file,
      line: at.line,
      message,
      why: rule.why,
      fix: fix ?? rule.fix,
    })),
  );
  return sorted([...found, ...(schemas ? checkSchemas(manifests, schemas) : [])]);
}

/** The first of what is no YAML in a file: what follows comes of it. */
function unreadableFinding(text: string, problems: readonly Problem[]): Finding | undefined {
  // A document without apiVersion and kind is some other YAML: a values file, a patch.
  const problem = problems.find(({ path }) => path === undefined);
  if (!problem) return undefined;
  const why = "kubectl refuses the whole file";
  const isTemplate = /\{\{-?\s*[\w.$/]/.test(text);
  const fix = isTemplate ? "lint what it is rendered to: helm template … | row mesh lint -" : "correct the YAML";
  const message = isTemplate ? "it is a template, not a manifest" : problem.message;
  return { rule: "unreadable", level: "problem", file: problem.file, line: problem.line, message, why, fix };
}

function sorted(findings: Finding[]): Finding[] {
  return findings.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}
