/** Validation against the schemas in CustomResourceDefinitions. CEL rules (x-kubernetes-validations) are not evaluated. */
import { readFileSync } from "node:fs";
import { RowError } from "@row/topology/row-error.ts";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { writePath } from "../resources/field-path.ts";
import { isRecord, type Manifest, readManifests } from "../resources/manifest.ts";
import { yamlFiles } from "../resources/read.ts";
import type { Finding } from "./rule.ts";
import { Value } from "./value.ts";

/** By "apiVersion kind". Where a kind is defined twice, by two releases of its CRD, both count. Kinds without a definition are not checked. */
export interface Schemas {
  readonly validators: ReadonlyMap<string, readonly ValidateFunction[]>;
  /** "group kind" of everything that is defined, whatever the version. */
  readonly kinds: ReadonlyMap<string, readonly string[]>;
}

/** Reads every CustomResourceDefinition in the files and folders. Throws when a path is not there, or holds no definition. */
export function loadSchemas(paths: readonly string[]): Schemas {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, verbose: true, logger: false });
  const validators = new Map<string, ValidateFunction[]>();
  const kinds = new Map<string, string[]>();
  const manifests = paths
    .flatMap((path) => yamlFiles(path))
    .flatMap((file) => readManifests(readFileSync(file, "utf8"), file).manifests);
  for (const manifest of manifests.filter(({ kind }) => kind === "CustomResourceDefinition")) {
    const spec = new Value(manifest, [], manifest.value).at("spec");
    const group = spec.at("group").text ?? "";
    const kind = spec.at("names", "kind").text ?? "";
    for (const version of spec.at("versions").items) {
      const schema = version.at("schema", "openAPIV3Schema").raw;
      const name = version.at("name").text ?? "";
      if (version.at("served").raw === false || !isRecord(schema)) continue;
      const key = `${group}/${name} ${kind}`;
      validators.set(key, [...(validators.get(key) ?? []), ajv.compile(strict(schema, true))]);
      kinds.set(`${group} ${kind}`, [...(kinds.get(`${group} ${kind}`) ?? []), name]);
    }
  }
  if (validators.size === 0)
    throw new RowError(`Cannot check against ${paths.join(", ")}: there is no CustomResourceDefinition in it`);
  return { validators, kinds };
}

/** What the API server would refuse, or drop without a word. */
export function checkSchemas(manifests: readonly Manifest[], { validators, kinds }: Schemas): Finding[] {
  return manifests.flatMap((manifest): Finding[] => {
    const { file, apiVersion, kind } = manifest;
    const definitions = validators.get(`${apiVersion} ${kind}`);
    if (!definitions) {
      const served = kinds.get(`${apiVersion.split("/")[0]} ${kind}`);
      if (!served) return [];
      const message = `${apiVersion} ${kind} is not served; ${served.join(", ")} is`;
      const why = "kubectl refuses it: no matches for kind";
      return [
        {
          rule: "crd-version",
          level: "problem",
          file,
          line: manifest.lineAt(["apiVersion"]),
          message,
          why,
          fix: "write a version that is served",
        },
      ];
    }
    // What an alternative of a oneOf misses says less than the oneOf itself, which is reported too.
    const errors = definitions
      .flatMap((validate) => (validate(manifest.value) ? [] : (validate.errors ?? [])))
      .filter(({ schemaPath }) => !/\/(oneOf|anyOf)\/\d/.test(schemaPath));
    const findings = errors.map((error) => findingOf(manifest, error));
    return [...new Map(findings.map((finding) => [`${finding.line} ${finding.message}`, finding])).values()];
  });
}

function findingOf(manifest: Manifest, error: ErrorObject): Finding {
  const steps = error.instancePath
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const { file } = manifest;
  if (error.keyword === "additionalProperties") {
    const path = [...steps, String(error.params.additionalProperty)];
    const message = `${writePath(path)} is not in the schema`;
    const why = "the API server refuses it, or drops the field without a word where it is not strict";
    return {
      rule: "crd-unknown-field",
      level: "problem",
      file,
      line: manifest.lineAt(path),
      message,
      why,
      fix: "correct its name or remove it",
    };
  }
  const message = `${writePath(steps) || "the document"} ${error.message}${error.keyword === "enum" ? `: ${listOf(error.params.allowedValues)}` : ""}`;
  const why = "the API server refuses the resource";
  return {
    rule: "crd-schema",
    level: "problem",
    file,
    line: manifest.lineAt(steps),
    message,
    why,
    fix: "write what the schema asks for",
  };
}

/**
 * OpenAPI as Kubernetes has it → JSON Schema: objects take no other fields than theirs, unless they say so; int-or-string and
 * nullable become types; what else is x-kubernetes-… or a default is left out.
 */
function strict(schema: Record<string, unknown>, isRoot = false): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (
      keyword.startsWith("x-kubernetes-") ||
      ["default", "description", "format", "nullable", "example"].includes(keyword)
    )
      continue;
    if (keyword === "properties" && isRecord(value)) result.properties = mapSchemas(value);
    else if ((keyword === "items" || keyword === "additionalProperties") && isRecord(value))
      result[keyword] = strict(value);
    else result[keyword] = value;
  }
  if (schema["x-kubernetes-int-or-string"] === true) result.type = ["integer", "string"];
  if (schema.nullable === true && typeof result.type === "string") result.type = [result.type, "null"];
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties !== undefined;
  if (isRecord(result.properties) && !isOpen) result.additionalProperties = false;
  // Every resource has these, whether the schema names them or not; metadata is the API server's own.
  const own = isRecord(result.properties) ? result.properties : {};
  if (isRoot) result.properties = { ...own, apiVersion: {}, kind: {}, metadata: {}, status: {} };
  return result;
}

function mapSchemas(properties: unknown): Record<string, unknown> {
  if (!isRecord(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, isRecord(schema) ? strict(schema) : schema]),
  );
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.join(", ") : String(values);
}
