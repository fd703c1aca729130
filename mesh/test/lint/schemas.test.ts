import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "vitest";
import { loadSchemas } from "../../src/lint/crd-schemas.ts";
import { lint } from "../../src/lint/lint.ts";
import { readManifests } from "../../src/resources/manifest.ts";

const schemas = loadSchemas([join(import.meta.dirname, "crds")]);

function findings(spec: string, apiVersion = "example.com/v1"): string[] {
  const text = `apiVersion: ${apiVersion}\nkind: Greeting\nmetadata: { name: g, finalizers: [] }\nspec:\n${spec}\n`;
  return lint(readManifests(text, "g.yaml").manifests, { schemas }).map(
    ({ rule, line, message }) => `${rule} in line ${line}: ${message}`,
  );
}

test("takes what the schema takes: ports by name or number, null where it may be, fields kept as they are", () => {
  assert.deepEqual(
    findings("  word: hello\n  to: null\n  port: http\n  free: { known: a, other: 1 }\n  labels: { a: b }"),
    [],
  );
  assert.deepEqual(findings("  word: hello\n  toAll: true\n  port: 80\nstatus: { anything: 1 }"), []);
});

test("reports an unknown field where it stands", () => {
  const expected = "crd-unknown-field in line 7: spec.wrod is not in the schema";
  assert.deepEqual(findings("  word: hello\n  toAll: true\n  wrod: hello"), [expected]);
});

test("reports values that the schema refuses", () => {
  assert.deepEqual(findings("  word: hi\n  to: everybody\n  port: 1.5\n  labels: { a: 1 }"), [
    "crd-schema in line 5: spec.word must be equal to one of the allowed values: hello, bye",
    "crd-schema in line 6: spec.to must NOT have more than 5 characters",
    "crd-schema in line 7: spec.port must be integer,string",
    "crd-schema in line 8: spec.labels.a must be string",
  ]);
});

test("reports a missing field, and alternatives of which one has to be taken", () => {
  assert.deepEqual(findings("  toAll: true"), ["crd-schema in line 4: spec must have required property 'word'"]);
  const both = "crd-schema in line 4: spec must match exactly one schema in oneOf";
  assert.deepEqual(findings("  word: hello"), [both]);
  assert.deepEqual(findings("  word: hello\n  to: you\n  toAll: true"), [both]);
});

test("reports a version that is not served, and leaves kinds without a definition alone", () => {
  const expected = "crd-version in line 1: example.com/v1alpha1 Greeting is not served; v1 is";
  assert.deepEqual(findings("  word: hello", "example.com/v1alpha1"), [expected]);
  assert.deepEqual(findings("  word: hello", "example.org/v1"), []);
});

test("says so when there is no definition where it was told to look", () => {
  assert.throws(() => loadSchemas([join(import.meta.dirname, "good")]), /^RowError: Cannot check against .*good/);
});
