import assert from "node:assert/strict";
import { test } from "vitest";
import { displayName, normalEmail, normalPassword } from "./account.ts";

test("takes addresses that differ in case and surrounding space for the same", () => {
  assert.equal(normalEmail("  Alice@Example.COM "), normalEmail("alice@example.com"));
  assert.notEqual(normalEmail("alice@example.com"), normalEmail("alice@example.org"));
});

test("refuses control characters in a name, which would be shown to others", () => {
  assert.throws(() => displayName("Al\u0007ice"), { reason: "INVALID_REQUEST", message: /^display_name: / });
  assert.throws(() => displayName("Al\nice"), { reason: "INVALID_REQUEST" });
});

test("refuses a name of nothing but space", () => {
  assert.throws(() => displayName("  \u00a0 "), { reason: "INVALID_REQUEST" });
  assert.equal(displayName("  Zoë  "), "Zoë");
});

test("takes composed and decomposed letters of a password for the same, and nothing else", () => {
  assert.equal(normalPassword("pässword"), normalPassword("pa\u0308ssword"));
  assert.notEqual(normalPassword("Password"), normalPassword("password"));
  assert.equal(normalPassword(" spaces count "), " spaces count ");
});
