import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "vitest";
import { createAuthority, issueCertificate, whenToRotate } from "./certificate.ts";

const HOUR_MS = 60 * 60 * 1_000;

test("a workload's certificate carries its account as common name and its full identity as DNS name", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  const { pem } = await issueCertificate(authority, { account: "orders", lifetimeMs: 60_000 });
  const certificate = new X509Certificate(pem);
  assert.equal(certificate.subject, "CN=orders.shop");
  assert.equal(certificate.subjectAltName, "DNS:orders.shop.serviceaccount.identity.linkerd.cluster.local");
  assert.equal(certificate.ca, false);
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"], "server and client");
});

test("a certificate comes with its own P-256 key and without blank lines", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  const { pem } = await issueCertificate(authority, { account: "orders" });
  const key = createPrivateKey(pem);
  assert.equal(key.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.ok(new X509Certificate(pem).checkPrivateKey(key));
  assert.doesNotMatch(pem, /\n\n/);
});

test("a certificate is signed by its authority and by no other of the same name", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  const other = await createAuthority("root.test", HOUR_MS);
  const certificate = new X509Certificate((await issueCertificate(authority, { account: "orders" })).pem);
  const anchor = new X509Certificate(authority.certificate.toString("pem"));
  const stranger = new X509Certificate(other.certificate.toString("pem"));
  assert.ok(certificate.verify(anchor.publicKey) && certificate.checkIssued(anchor));
  assert.equal(certificate.verify(stranger.publicKey), false);
});

test("a certificate lasts 24 hours unless told otherwise, begins a little early and says when", async () => {
  const authority = await createAuthority("root.test", 48 * HOUR_MS);
  const before = Date.now();
  const issued = await issueCertificate(authority, { account: "orders" });
  const certificate = new X509Certificate(issued.pem);
  assert.equal(certificate.validFromDate.getTime(), issued.notBefore.getTime());
  assert.equal(certificate.validToDate.getTime(), issued.notAfter.getTime());
  assert.equal(certificate.serialNumber, issued.serial);
  assert.ok(issued.notBefore.getTime() < before && issued.notBefore.getTime() > before - 2 * 60_000);
  assert.ok(Math.abs(issued.notAfter.getTime() - before - 24 * HOUR_MS) < 5_000);
});

test("a certificate never outlives its authority", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  const issued = await issueCertificate(authority, { account: "orders", lifetimeMs: 24 * HOUR_MS });
  assert.equal(issued.notAfter.getTime(), authority.certificate.notAfter.getTime());
});

test("a certificate can be issued for a time that is over", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  const notBefore = new Date(Date.now() - 2 * HOUR_MS);
  const issued = await issueCertificate(authority, { account: "orders", notBefore, lifetimeMs: HOUR_MS });
  assert.ok(issued.notAfter.getTime() < Date.now());
});

test("the longest name that fits a common name is taken", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  const account = "a".repeat(59);
  const { pem } = await issueCertificate(authority, { account });
  assert.equal(new X509Certificate(pem).subject, `CN=${account}.shop`);
});

test("a name that does not fit is refused with the account and the limit", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  const account = "a".repeat(60);
  await assert.rejects(issueCertificate(authority, { account }), (error: Error) => {
    assert.match(error.message, new RegExp(`"${account}"`));
    assert.match(error.message, /has 65 characters, a certificate's name holds 64/);
    return true;
  });
});

test("a name that could pass for another identity is refused", async () => {
  const authority = await createAuthority("root.test", HOUR_MS);
  for (const account of ["orders.shop", "", "Orders", "a*", "-a", "a\nb"]) {
    await assert.rejects(issueCertificate(authority, { account }), /is not a DNS label/, account);
  }
  await assert.rejects(issueCertificate(authority, { account: "orders", namespace: "a.b" }), /"a\.b" is not a DNS/);
});

test("nothing is issued by an authority that has ended", async () => {
  const authority = await createAuthority("root.test", -1_000);
  await assert.rejects(issueCertificate(authority, { account: "orders" }), /trust anchor ended on .*restart the shop/);
});

test("a certificate is due for rotation after two thirds of its lifetime", () => {
  assert.equal(whenToRotate(new Date(0), new Date(24 * HOUR_MS)).getTime(), 16 * HOUR_MS);
  assert.equal(whenToRotate(new Date(1_000), new Date(4_000)).getTime(), 3_000);
});
