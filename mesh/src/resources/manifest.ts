/** Kubernetes manifests as they were written: any kind, with the line of every field. */

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type ScalarTag,
} from "yaml";
import type { FieldPath } from "./field-path.ts";
import type { Problem } from "./problem.ts";

export interface Manifest {
  readonly file: string;
  /** Of the document's first line, from 1; of an item of a List, of the item's. */
  readonly line: number;
  readonly apiVersion: string;
  readonly kind: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** The line of a field, or of the nearest field around it that is written down. */
  lineAt(path: FieldPath): number;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  /** What is not YAML, or no Kubernetes manifest. */
  readonly problems: readonly Problem[];
}

/** Reads every document, and every item of a `kind: List`, without asking what kind it is. Empty documents are nothing. */
export function readManifests(text: string, file: string): Manifests {
  const lineCounter = new LineCounter();
  const lineOf = (offset: number) => lineCounter.linePos(offset).line;
  const manifests: Manifest[] = [];
  const problems: Problem[] = [];
  // `merge` because kubectl follows "<<"; problems are collected, so nothing is printed.
  const options = { lineCounter, merge: true, logLevel: "silent", customTags: OLD_BOOLEANS } as const;
  for (const document of parseAllDocuments(text, options)) {
    if (document.errors.length > 0) {
      for (const error of document.errors) {
        const message = `Cannot read the YAML: ${error.message.split("\n")[0]?.replace(/ at line \d+, column \d+:$/, "")}`;
        problems.push({ file, line: lineOf(error.pos[0]), message });
      }
      continue;
    }
    const root: Node | null = document.contents;
    if (root === null) continue;
    const resolve = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
    const value: unknown = document.toJS();
    if (value === null) continue;
    const lineAt = (path: FieldPath) => lineOf(offsetOf(root, path, resolve));
    collect(value, [], { file, lineAt, manifests, problems });
  }
  return { manifests, problems };
}

/** kubectl reads YAML 1.1, in which these are no strings. */
const OLD_BOOLEANS: ScalarTag[] = [
  { test: /^(?:yes|Yes|YES|on|On|ON)$/, value: true },
  { test: /^(?:no|No|NO|off|Off|OFF)$/, value: false },
].map(({ test, value }) => ({ tag: "tag:yaml.org,2002:bool", default: true, test, resolve: () => value }));

interface Collection {
  file: string;
  lineAt: (path: FieldPath) => number;
  manifests: Manifest[];
  problems: Problem[];
}

function collect(value: unknown, at: FieldPath, to: Collection): void {
  const { file, lineAt, manifests, problems } = to;
  const line = lineAt(at);
  if (!isRecord(value)) {
    problems.push({ file, line, message: "Cannot read the document: it is no mapping with apiVersion and kind" });
    return;
  }
  const { apiVersion, kind, items } = value;
  for (const [field, given] of Object.entries({ apiVersion, kind })) {
    if (typeof given === "string" && given !== "") continue;
    problems.push({ file, line, path: field, message: `Cannot read the document: ${field} is missing; write it` });
  }
  if (typeof apiVersion !== "string" || typeof kind !== "string" || !apiVersion || !kind) return;
  if (Array.isArray(items) && kind.endsWith("List")) {
    for (const [index, item] of items.entries()) {
      // Items of a typed list, such as GRPCRouteList, need not repeat what the list says.
      const typed =
        kind !== "List" && isRecord(item) ? { apiVersion, kind: kind.slice(0, -"List".length), ...item } : item;
      collect(typed, [...at, "items", index], to);
    }
    return;
  }
  manifests.push({ file, line, apiVersion, kind, value, lineAt: (path) => lineAt([...at, ...path]) });
}

function offsetOf(root: Node, path: FieldPath, resolve: (node: unknown) => unknown): number {
  let offset = root.range?.[0] ?? 0;
  let node: unknown = root;
  for (const step of path) {
    node = resolve(node);
    if (isMap(node)) {
      const pair: Pair<unknown, unknown> | undefined = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === step,
      );
      if (!pair) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      const item: unknown = node.items[step];
      if (typeof item !== "object" || item === null) break;
      if ("range" in item && Array.isArray(item.range)) offset = Number(item.range[0]);
      node = item;
    } else break;
  }
  return offset;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
