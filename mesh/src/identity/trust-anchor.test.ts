import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "vitest";
import { createAuthority, exportKey } from "./certificate.ts";
import { openTrustAnchor, readTrustAnchor, writeCertificate } from "./trust-anchor.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

async function newFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "anchor-"));
  context.onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

/** Puts an anchor there that was made so that it ends `lifetimeMs` from now. */
async function place(folder: string, lifetimeMs: number): Promise<void> {
  const { certificate, key } = await createAuthority("root.linkerd.cluster.local", lifetimeMs);
  await writeFile(join(folder, "anchor.crt"), certificate.toString("pem"), { mode: 0o600 });
  await writeFile(join(folder, "anchor.key"), await exportKey(key), { mode: 0o600 });
}

test("makes an anchor that only its owner can read, and leaves no drafts", async (context) => {
  const folder = join(await newFolder(context), "deep", "trust");
  const anchor = await openTrustAnchor(folder);
  assert.equal(anchor.renewed, "anchor.crt is missing");
  assert.equal(await modeOf(folder), 0o700);
  assert.equal(await modeOf(join(folder, "anchor.key")), 0o600);
  assert.deepEqual((await readdir(folder)).sort(), ["anchor.crt", "anchor.key"]);
  const certificate = new X509Certificate(await readFile(anchor.certificatePath));
  assert.equal(certificate.subject, "CN=root.linkerd.cluster.local");
  assert.ok(certificate.ca && certificate.verify(certificate.publicKey));
});

test("keeps an anchor that is good, and what it issues holds with both", async (context) => {
  const folder = await newFolder(context);
  const first = await openTrustAnchor(folder);
  const second = await openTrustAnchor(folder);
  assert.equal(second.renewed, undefined);
  assert.deepEqual(second.notAfter, first.notAfter);
  const root = new X509Certificate(await readFile(first.certificatePath));
  const { pem } = await second.issue({ account: "catalog" });
  assert.ok(new X509Certificate(pem).verify(root.publicKey));
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

test("OpenSSL accepts the chain for client and server", async (context) => {
  context.skip(!hasOpenssl, "there is no openssl");
  const folder = await newFolder(context);
  const anchor = await openTrustAnchor(folder);
  const path = join(folder, "orders.pem");
  await writeCertificate(path, (await anchor.issue({ account: "orders" })).pem);
  for (const purpose of ["sslclient", "sslserver"]) {
    const name = "orders.shop.serviceaccount.identity.linkerd.cluster.local";
    const options = ["-x509_strict", "-purpose", purpose, "-verify_hostname", name, "-CAfile", anchor.certificatePath];
    const { stdout, stderr } = spawnSync("openssl", ["verify", ...options, path], { encoding: "utf8" });
    assert.equal(stdout, `${path}: OK\n`, stderr);
  }
});

test("takes others' access to an existing folder away", async (context) => {
  const folder = await newFolder(context);
  await chmod(folder, 0o755);
  await openTrustAnchor(folder);
  assert.equal(await modeOf(folder), 0o700);
});

const damages: Record<string, (folder: string) => Promise<void>> = {
  "anchor.key is missing": (folder) => rm(join(folder, "anchor.key")),
  "anchor.key can be read by others": (folder) => chmod(join(folder, "anchor.key"), 0o640),
  "anchor.crt and anchor.key are damaged": (folder) => writeFile(join(folder, "anchor.crt"), "nonsense"),
  "anchor.crt has expired": (folder) => place(folder, -1_000),
  "anchor.crt is not a self-signed authority": async (folder) => {
    const { pem } = await (await openTrustAnchor(folder)).issue({ account: "catalog" });
    await writeFile(join(folder, "anchor.crt"), pem);
  },
  "anchor.key does not belong to anchor.crt": async (folder) => {
    const { key } = await createAuthority("root.linkerd.cluster.local", DAY_MS);
    await writeFile(join(folder, "anchor.key"), await exportKey(key));
  },
};

for (const [problem, damage] of Object.entries(damages)) {
  test(`makes a new anchor when ${problem}, and only then`, async (context) => {
    const folder = await newFolder(context);
    await openTrustAnchor(folder);
    await damage(folder);
    await assert.rejects(readTrustAnchor(folder), {
      message: new RegExp(`^Cannot use the trust anchor in .*${problem}`),
    });
    assert.equal((await openTrustAnchor(folder)).renewed, problem);
    assert.equal(await modeOf(join(folder, "anchor.key")), 0o600);
    assert.equal((await openTrustAnchor(folder)).renewed, undefined);
  });
}

test("makes a new anchor at a start near the old one's end, never beside a running shop", async (context) => {
  const folder = await newFolder(context);
  // Backdated by a minute: 20 s before its end it is three quarters over.
  await place(folder, 20_000);
  const old = await readFile(join(folder, "anchor.crt"), "utf8");
  assert.equal((await readTrustAnchor(folder)).renewed, undefined);
  assert.equal(await readFile(join(folder, "anchor.crt"), "utf8"), old);
  assert.match((await openTrustAnchor(folder)).renewed ?? "", /two thirds/);
  assert.notEqual(await readFile(join(folder, "anchor.crt"), "utf8"), old);
});

test("does not replace what it has no right to read", async (context) => {
  context.skip(process.getuid?.() === 0, "root may read everything");
  const folder = await newFolder(context);
  await openTrustAnchor(folder);
  await chmod(join(folder, "anchor.key"), 0o000);
  await assert.rejects(openTrustAnchor(folder), { code: "EACCES" });
});

test("writes a certificate for its owner only, over whatever was there", async (context) => {
  const folder = await newFolder(context);
  const path = join(folder, "orders.pem");
  await writeFile(path, "old", { mode: 0o644 });
  await writeCertificate(path, "new\n");
  assert.equal(await readFile(path, "utf8"), "new\n");
  assert.equal(await modeOf(path), 0o600);
});
