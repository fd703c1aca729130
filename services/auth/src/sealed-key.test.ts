import assert from "node:assert/strict";
import { test } from "vitest";
import { derivedKey, keyedHash } from "./derived-key.ts";
import { seal, unseal } from "./sealed-key.ts";

const key = derivedKey("a secret of this installation, and long", "signing-keys");
const plain = Buffer.from("the private key");

test("opens what it sealed", () => {
  assert.deepEqual(unseal(key, "k1", seal(key, "k1", plain)), plain);
});

test("hides the key, and seals it differently each time", () => {
  const sealed = seal(key, "k1", plain);
  assert.equal(sealed.includes(plain), false);
  assert.notDeepEqual(sealed, seal(key, "k1", plain));
});

test("does not open under another secret, purpose or id, nor when a bit was flipped", () => {
  const sealed = seal(key, "k1", plain);
  assert.throws(() => unseal(derivedKey("another secret of some length!!!", "signing-keys"), "k1", sealed));
  assert.throws(() => unseal(derivedKey("a secret of this installation, and long", "addresses"), "k1", sealed));
  assert.throws(() => unseal(key, "k2", sealed));
  for (const at of [0, 14, sealed.length - 1]) {
    const flipped = Buffer.from(sealed);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    assert.throws(() => unseal(key, "k1", flipped), `byte ${at}`);
  }
});

test("tells equal texts by a hash that depends on the key", () => {
  const other = derivedKey("another secret of some length!!!", "addresses");
  assert.equal(keyedHash(key, "alice@example.com"), keyedHash(key, "alice@example.com"));
  assert.notEqual(keyedHash(key, "alice@example.com"), keyedHash(key, "bob@example.com"));
  assert.notEqual(keyedHash(key, "alice@example.com"), keyedHash(other, "alice@example.com"));
});
