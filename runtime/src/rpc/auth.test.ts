import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeAll, test, vi } from "vitest";
import { DomainError } from "../domain-error.ts";
import {
  ACCESS_TOKEN_SECONDS,
  bearerToken,
  InvalidToken,
  TOKEN_AUDIENCE,
  TOKEN_ISSUER,
  TokenVerifier,
} from "./auth.ts";

const USER = "01890000-0000-7000-8000-000000000001";

async function keyPair(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256" } };
}
const ours = await keyPair("ours");
const foreign = await keyPair("ours"); // the same id, another key

interface Claims {
  issuer?: string;
  audience?: string;
  expires?: string | number;
  roles?: unknown;
}

function sign(claims: Claims = {}, key = ours): Promise<string> {
  return new SignJWT({ roles: claims.roles ?? ["customer"] })
    .setProtectedHeader({ alg: "ES256", kid: key.kid })
    .setSubject(USER)
    .setIssuer(claims.issuer ?? TOKEN_ISSUER)
    .setAudience(claims.audience ?? TOKEN_AUDIENCE)
    .setExpirationTime(claims.expires ?? "5m")
    .sign(key.privateKey);
}

afterEach(() => void vi.useRealTimers());

const verifier = () => new TokenVerifier(async () => [ours.jwk]);

test("a good token names its user and roles", async () => {
  assert.deepEqual(await verifier().verify(await sign({ roles: ["admin", 7] })), { id: USER, roles: ["admin"] });
});

test("a token that was verified holds for as long as it says, and never for longer than tokens live", async () => {
  const [short, endless] = [await sign({ expires: "60 seconds" }), await sign({ expires: 4_000_000_000 })];
  const ours = verifier();
  assert.equal(ours.remainingMs(short), 0);
  for (const token of [short, endless]) await ours.verify(token);
  assert.ok(ours.remainingMs(short) > 30_000 && ours.remainingMs(short) <= 60_000);
  assert.ok(ours.remainingMs(endless) > 60_000 && ours.remainingMs(endless) <= ACCESS_TOKEN_SECONDS * 1_000);
});

const HOUR_MS = 3_600_000;
for (const [name, jump] of Object.entries({
  "an hour": HOUR_MS,
  "30 days": 30 * 24 * HOUR_MS,
  "a year": 365 * 24 * HOUR_MS,
})) {
  for (const jumped of [-jump, jump]) {
    const keys = [ours.jwk];
    const ofService = new TokenVerifier(async () => keys);
    let atOnce: ReturnType<TokenVerifier["verify"]>;
    let whenAskedAgain: Promise<void>;
    // They wait at the same time.
    beforeAll(async () => {
      const before = await sign();
      await ofService.verify(before);
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + jumped });
      await ofService.verify(before).catch(() => {}); // expired, says this clock, or not
      await ofService.verify(await sign({}, await keyPair("unknown"))).catch(() => {}); // asks for the keys
      vi.useRealTimers();
      atOnce = ofService.verify(before);
      await atOnce.catch(() => {}); // the test says so
      whenAskedAgain = sleep(2_100); // a process asks no more often
    });

    test(`after a clock that was ${name} ${jumped > 0 ? "ahead" : "behind"} all tokens are taken again at once, also of a new key`, async () => {
      assert.equal((await atOnce).id, USER);
      const next = await keyPair("next");
      keys.push(next.jwk);
      await whenAskedAgain;
      assert.equal((await ofService.verify(await sign({}, next))).id, USER);
    });
  }
}

test("a clock that is set back makes no verified token hold for longer", async () => {
  const ofService = verifier();
  const token = await sign({ expires: Math.floor(Date.now() / 1_000) + 2 });
  await ofService.verify(token);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - HOUR_MS });
  await sleep(2_100);
  assert.equal(ofService.recall(token), undefined);
});

test("the first token asks for the keys twice before it gives up", async () => {
  const away = () => Promise.reject(new Error("auth is away"));
  const verifierWith = (...answers: (() => Promise<[typeof ours.jwk]>)[]) =>
    new TokenVerifier(() => answers.shift()?.() ?? Promise.reject(new Error("asked too often")));
  const found = async (): Promise<[typeof ours.jwk]> => [ours.jwk];
  assert.equal((await verifierWith(away, found).verify(await sign())).id, USER);
  const lost = verifierWith(away, away, found);
  await assert.rejects(lost.verify(await sign()), { reason: "KEYS_UNAVAILABLE" });
  assert.equal((await lost.verify(await sign())).id, USER);
});

const bad: Record<string, () => Promise<string>> = {
  expired: () => sign({ expires: 1 }),
  "signed by somebody else": () => sign({}, foreign),
  "for another audience": () => sign({ audience: "other" }),
  "from another issuer": () => sign({ issuer: "other" }),
  "of an unknown key": async () => sign({}, await keyPair("unknown")),
  "without a signature": async () =>
    new UnsecuredJWT({})
      .setSubject(USER)
      .setIssuer(TOKEN_ISSUER)
      .setAudience(TOKEN_AUDIENCE)
      .setExpirationTime("5m")
      .encode(),
  "not a token": async () => "not.a.token",
  "cut off": async () => (await sign()).slice(0, -4),
};
for (const [name, make] of Object.entries(bad)) {
  test(`a token that is ${name} is refused`, async () => {
    const token = await make();
    await assert.rejects(verifier().verify(token), InvalidToken);
  });
}

test("an HS256 token made with the public key is refused", async () => {
  const secret = new TextEncoder().encode(JSON.stringify(ours.jwk));
  const token = await new SignJWT({ roles: ["admin"] })
    .setProtectedHeader({ alg: "HS256", kid: ours.kid })
    .setSubject(USER)
    .setIssuer(TOKEN_ISSUER)
    .setAudience(TOKEN_AUDIENCE)
    .setExpirationTime("5m")
    .sign(secret);
  await assert.rejects(verifier().verify(token), InvalidToken);
});

test("tokens are accepted while auth is down, once its keys were had", async () => {
  let isUp = true;
  const cached = new TokenVerifier(async () => {
    if (!isUp) throw new Error("auth is down");
    return [ours.jwk];
  });
  await cached.verify(await sign());
  isUp = false;
  assert.equal((await cached.verify(await sign({ roles: ["merchant"] }))).id, USER);
});

test("without any keys the answer is try again, not a wrong token", async () => {
  const lost = new TokenVerifier(async () => {
    throw new Error("auth is down");
  });
  await assert.rejects(
    lost.verify(await sign()),
    (error) => error instanceof DomainError && error.kind === "dependency",
  );
});

test("a token is forgotten when it expires", async () => {
  const remembering = verifier();
  const token = await sign({ expires: Math.floor(Date.now() / 1_000) + 1 });
  await remembering.verify(token);
  assert.ok(remembering.recall(token));
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal(remembering.recall(token), undefined);
});

test("an authorization header holds a bearer token or nothing", () => {
  assert.equal(bearerToken(undefined), undefined);
  assert.equal(bearerToken("Bearer a.b.c"), "a.b.c");
  for (const header of ["", "Basic abc", "Bearer", "Bearer a b", "Bearer é"]) {
    assert.throws(() => bearerToken(header), InvalidToken, header);
  }
});
