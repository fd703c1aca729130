/** Certificates as Linkerd's sidecars carry them: P-256, signed with ECDSA and SHA-256. */
import { webcrypto } from "node:crypto";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { identityOf, NAMESPACE } from "@row/runtime/names.ts";

/** A certificate with its private key, and how long it holds. */
export interface IssuedCertificate {
  /** The certificate followed by its PKCS#8 key, without blank lines: a `crt` file of HAProxy and a payload of its runtime API. */
  readonly pem: string;
  /** Hexadecimal, upper case, as HAProxy shows it. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A key pair and the certificate that others are signed with. */
export interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** Which workload a certificate is for, and from when to when. */
export interface CertificateRequest {
  /** The ServiceAccount. */
  readonly account: string;
  /** Default: the shop's. */
  readonly namespace?: string;
  /** Default: 24 hours. */
  readonly lifetimeMs?: number;
  /** Default: a little before now, since clocks are set back now and then. The lifetime counts from here where it is given. */
  readonly notBefore?: Date;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 60 * 60 * 1_000;
const MOST_BACKDATED_MS = 60_000;
/** What X.509 allows in a common name. */
const MAX_COMMON_NAME = 64;
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

x509.cryptoProvider.set(webcrypto as Crypto); // the same object under the name that browsers give its type

/** When to replace a certificate: after two thirds of its lifetime. */
export function whenToRotate(notBefore: Date, notAfter: Date): Date {
  return new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3);
}

/** Creates a self-signed certificate that may sign workloads' certificates and nothing below them. */
export async function createAuthority(commonName: string, lifetimeMs: number): Promise<Authority> {
  const keys = await newKeys();
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    serialNumber: newSerial(),
    notBefore: wholeSecond(now - MOST_BACKDATED_MS),
    notAfter: wholeSecond(now + lifetimeMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, key: keys.privateKey };
}

/** Issues a certificate for one workload; it never outlives its authority. */
export async function issueCertificate(authority: Authority, request: CertificateRequest): Promise<IssuedCertificate> {
  const { account, namespace = NAMESPACE, lifetimeMs = DAY_MS } = request;
  const commonName = commonNameOf(account, namespace);
  const now = Date.now();
  const authorityEnd = authority.certificate.notAfter.getTime();
  if (authorityEnd <= now) {
    throw new Error(
      `Cannot issue a certificate for "${account}": the trust anchor ended on ${new Date(authorityEnd).toISOString()}, restart the shop to renew it`,
    );
  }
  const start = request.notBefore?.getTime() ?? now - Math.min(MOST_BACKDATED_MS, lifetimeMs / 10);
  const notBefore = wholeSecond(start);
  const notAfter = wholeSecond(Math.min((request.notBefore?.getTime() ?? now) + lifetimeMs, authorityEnd));
  if (notAfter <= notBefore) {
    throw new Error(`Cannot issue a certificate for "${account}": it would end before it begins, make it last longer`);
  }
  const keys = await newKeys();
  const serial = newSerial();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [commonName] }],
    issuer: authority.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: ALGORITHM,
    serialNumber: serial,
    notBefore,
    notAfter,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: identityOf(account, namespace) }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  const key = await exportKey(keys.privateKey);
  return { pem: `${certificate.toString("pem").trim()}\n${key}`, serial, notBefore, notAfter };
}

/** PKCS#8, PEM. */
export async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY").trim()}\n`;
}

/** Reads what createAuthority made. Throws on anything that is not a certificate and a P-256 key. */
export async function readAuthority(certificatePem: string, keyPem: string): Promise<Authority> {
  const der = x509.PemConverter.decodeFirst(keyPem);
  return {
    certificate: new x509.X509Certificate(certificatePem),
    key: await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]),
  };
}

/** Sidecars read the caller from the common name, so one that does not fit cannot be cut off. */
function commonNameOf(account: string, namespace: string): string {
  for (const label of [account, namespace]) {
    if (!DNS_LABEL.test(label)) {
      throw new Error(`Cannot issue a certificate for "${account}" in "${namespace}": "${label}" is not a DNS label`);
    }
  }
  const name = `${account}.${namespace}`;
  if (name.length > MAX_COMMON_NAME) {
    throw new Error(
      `Cannot issue a certificate for "${account}": "${name}" has ${name.length} characters, a certificate's name holds ${MAX_COMMON_NAME}`,
    );
  }
  return name;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

/** 16 random bytes, positive and without a leading zero, so that every tool writes them alike. */
function newSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex").toUpperCase();
}

/** Certificates know no milliseconds. */
function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1_000) * 1_000);
}
