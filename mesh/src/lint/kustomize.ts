/** Tells the patches of a kustomization from manifests: alone they are no resources, and say nothing of what Linkerd will get. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import { isRecord } from "../resources/manifest.ts";
import type { Finding } from "./rule.ts";

const KUSTOMIZATIONS = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/** How far above a patch its kustomization is looked for. */
const MOST_LEVELS = 4;

/** Those of the files that are patches: named by a kustomization in a folder around them, or of a form that only patches have. */
export function patchesAmong(files: readonly { readonly file: string; readonly text: string }[]): Set<string> {
  const folders = new Set(files.flatMap(({ file }) => foldersAround(resolve(file))));
  const named = new Set([...folders].flatMap(patchesNamedIn));
  return new Set(
    files.filter(({ file, text }) => named.has(resolve(file)) || hasPatchForm(text)).map(({ file }) => file),
  );
}

/** Says once that patches were left out; nothing when there are none. */
export function patchFinding(patches: ReadonlySet<string>): Finding[] {
  const [file, ...others] = [...patches].sort();
  if (file === undefined) return [];
  return [
    {
      rule: "patch-not-rendered",
      level: "hint",
      file,
      line: 1,
      message: `it is a patch of a kustomization${others.length > 0 ? `, like ${others.length} other files here` : ""}`,
      why: "a patch says nothing alone: what Linkerd gets is the resource that it changes",
      fix: "lint what it is rendered to: kubectl kustomize FOLDER | row mesh lint -",
    },
  ];
}

function foldersAround(file: string): string[] {
  const folders = [dirname(file)];
  for (let level = 1; level < MOST_LEVELS; level++) folders.push(dirname(folders.at(-1) ?? file));
  return folders;
}

/** The patch files that a folder's kustomization names, resolved; what is written in it as text is no file. */
function patchesNamedIn(folder: string): string[] {
  const file = KUSTOMIZATIONS.map((name) => join(folder, name)).find(existsSync);
  if (file === undefined) return [];
  return valuesIn(readFileSync(file, "utf8"))
    .filter(isRecord)
    .flatMap(({ patches, patchesStrategicMerge, patchesJson6902, replacements }) => [
      ...listOf(patchesStrategicMerge),
      ...[patches, patchesJson6902, replacements].flatMap(listOf).map((item) => isRecord(item) && item.path),
    ])
    .filter((path) => typeof path === "string" && !path.includes("\n"))
    .map((path) => resolve(folder, String(path)));
}

/** A list of operations (RFC 6902), or a directive that only a strategic merge patch may have. */
function hasPatchForm(text: string): boolean {
  if (/^\s*(- )?\$patch:/m.test(text)) return true;
  if (!/^\s*[-[{"]/m.test(text)) return false;
  const values = valuesIn(text);
  const isOperation = (item: unknown) => isRecord(item) && typeof item.op === "string" && typeof item.path === "string";
  return (
    values.length > 0 && values.every((value) => Array.isArray(value) && value.length > 0 && value.every(isOperation))
  );
}

function valuesIn(text: string): unknown[] {
  const documents = parseAllDocuments(text, { logLevel: "silent" });
  return documents.flatMap((document) => (document.errors.length > 0 ? [] : [document.toJS() as unknown]));
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
