import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { promisify } from "node:util";
import { status } from "@grpc/grpc-js";
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from "@row/runtime/rpc/auth.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, test } from "vitest";
import { derivedKey } from "../src/derived-key.ts";
import { unseal } from "../src/sealed-key.ts";
import { SigningKeys } from "../src/signing-keys.ts";
import { type AuthUnderTest, keyOf, startAuth } from "./auth-under-test.ts";

let auth: AuthUnderTest;
beforeAll(async () => {
  auth = await startAuth();
});
afterAll(() => auth?.services.stop());

const published = async () => (await auth.anybody.getKeySet({})).keys.map(({ kid }) => kid);
const secret = () => auth.services.shop.infrastructure.environmentOf("auth").AUTH_KEY_SECRET ?? "";

/** Moves the moment at which a key takes over, and has auth look at it anew. */
async function moveSignTime(key: string, interval: string): Promise<void> {
  await auth.database.query("UPDATE signing_key SET sign_time = now() + $2::interval WHERE id = $1", [key, interval]);
  await auth.services.shop.restart("auth");
}

test("publishes public keys alone, and keeps the private ones encrypted", async () => {
  const { keys } = await auth.anybody.getKeySet({});
  assert.equal(keys.length, 1);
  assert.deepEqual(Object.keys(keys[0] ?? {}).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  assert.partialDeepStrictEqual(keys[0], { alg: "ES256", crv: "P-256", kty: "EC", use: "sig" });

  const { rows } = await auth.database.query<{ id: string; private_key: Buffer }>("SELECT * FROM signing_key");
  const [row] = rows;
  assert.ok(row);
  assert.throws(() => createPrivateKey({ key: row.private_key, format: "der", type: "pkcs8" }));
  const opened = unseal(derivedKey(secret(), "signing-keys"), row.id, row.private_key);
  const { x, y } = createPublicKey(createPrivateKey({ key: opened, format: "der", type: "pkcs8" })).export({
    format: "jwk",
  });
  assert.deepEqual({ x, y }, { x: keys[0]?.x, y: keys[0]?.y });
});

test("accepts no token that it has not signed itself, for this shop, and lately", async () => {
  const { id } = await auth.newUser();
  const kid = (await published())[0] ?? "";
  const { rows } = await auth.database.query<{ private_key: Buffer }>("SELECT private_key FROM signing_key");
  const der = unseal(derivedKey(secret(), "signing-keys"), kid, rows[0]?.private_key ?? Buffer.of());
  const own = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const now = Math.floor(Date.now() / 1_000);
  const claims = { sub: id, roles: ["admin"], iss: TOKEN_ISSUER, aud: TOKEN_AUDIENCE, iat: now, exp: now + 900 };
  const sign = (change: object, key = own, header: object = { kid }) =>
    new SignJWT({ ...claims, ...change }).setProtectedHeader({ alg: "ES256", ...header }).sign(key);
  const list = (token: string) => auth.as({ token }).listAuditEntries({ pageSize: 1, pageToken: "" });

  await list(await sign({})); // so that each of the following is refused for what it differs in
  const wrong = {
    expired: await sign({ iat: now - 1_800, exp: now - 900 }),
    "without expiry": await sign({ exp: undefined }),
    "for somebody else": await sign({ aud: "another-shop" }),
    "from somebody else": await sign({ iss: "another-shop" }),
    "signed by a foreign key": await sign({}, foreign),
    "of an unknown key": await sign({}, foreign, { kid: "unknown" }),
    "of no key": await sign({}, own, { kid: undefined }),
    unsigned: new UnsecuredJWT(claims).encode(),
    "unsigned, of a known key": `${Buffer.from(JSON.stringify({ alg: "none", kid })).toString("base64url")}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`,
    "not a token": "abc",
  };
  for (const [what, token] of Object.entries(wrong)) {
    await assert.rejects(list(token), { code: status.UNAUTHENTICATED, reason: "TOKEN_INVALID" }, what);
  }
});

test("replicas that start together on an empty database agree on one key", async () => {
  const other = await auth.database.query("SELECT * FROM signing_key");
  await auth.database.query("DELETE FROM signing_key");
  try {
    const options = { sealingKey: derivedKey(secret(), "signing-keys"), rotationHours: 168, correlationId: "together" };
    const replicas = await Promise.all(Array.from({ length: 6 }, () => SigningKeys.open(auth.database, options)));
    assert.equal(new Set(replicas.map((replica) => replica.signingAt(new Date()).id)).size, 1);
    assert.equal(await auth.count("SELECT count(*) FROM signing_key"), 1);
    const noted = "SELECT count(*) FROM runtime.audit WHERE action = 'key.rotated' AND correlation_id = 'together'";
    assert.equal(await auth.count(noted), 1);
  } finally {
    await auth.database.query("DELETE FROM signing_key");
    for (const row of other.rows) {
      await auth.database.query(
        "INSERT INTO signing_key (id, generation, public_key, private_key, create_time, sign_time) VALUES ($1, $2, $3, $4, $5, $6)",
        [row.id, row.generation, JSON.stringify(row.public_key), row.private_key, row.create_time, row.sign_time],
      );
    }
  }
});

test("signs with a new key when it has been published for a while, and withdraws the old one when its tokens have expired", async () => {
  const user = await auth.newUser();
  const [oldKey = ""] = await published();
  assert.equal(keyOf(user.accessToken), oldKey);

  await moveSignTime(oldKey, "-167 hours -55 minutes");
  const both = await published();
  assert.equal(both.length, 2, "the next key is published before its time");
  assert.equal(keyOf((await auth.anybody.login(user)).accessToken), oldKey, "and does not sign yet");
  const newKey = both.find((key) => key !== oldKey) ?? "";
  const { rows } = await auth.database.query("SELECT sign_time FROM signing_key WHERE id = $1", [newKey]);
  assert.ok(Number(rows[0]?.sign_time) > Date.now() + 9 * 60_000);

  await moveSignTime(newKey, "-1 second");
  const later = await auth.anybody.login(user);
  assert.equal(keyOf(later.accessToken), newKey);
  assert.deepEqual((await published()).sort(), both.sort(), "a token of the old key is still good");
  await auth.verifier().verify(user.accessToken);

  await moveSignTime(newKey, "-19 minutes");
  assert.equal((await published()).includes(oldKey), true);
  await moveSignTime(newKey, "-21 minutes");
  assert.deepEqual(await published(), [newKey]);
  assert.equal(await auth.count("SELECT count(*) FROM signing_key"), 1);
  await assert.rejects(auth.verifier().verify(user.accessToken), { reason: "TOKEN_INVALID" });
  await auth.verifier().verify(later.accessToken);
});

test("does not start under another secret, and says why in one line", async () => {
  const environment = auth.services.shop.infrastructure.environmentOf("auth");
  const start = promisify(execFile)(process.execPath, ["src/main.ts"], {
    cwd: new URL("..", import.meta.url),
    env: {
      ...environment,
      AUTH_KEY_SECRET: "another secret, long enough to be one",
      LISTEN_ADDRESS: `127.0.0.1:${await freePort()}`,
      ADMIN_ADDRESS: `127.0.0.1:${await freePort()}`,
    },
  });
  await assert.rejects(start, (error: { code: number; stderr: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr, /^auth: Cannot open signing key "[^\n]*AUTH_KEY_SECRET[^\n]*\n$/);
    return true;
  });
});
