/** The laptop's trust anchor: whoever holds a certificate signed by it is who it says. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Authority,
  type CertificateRequest,
  createAuthority,
  exportKey,
  type IssuedCertificate,
  issueCertificate,
  readAuthority,
  whenToRotate,
} from "./certificate.ts";
import { makePrivateFolder, writePrivateFile } from "./private-file.ts";

const COMMON_NAME = "root.linkerd.cluster.local";
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;
const CERTIFICATE = "anchor.crt";
const KEY = "anchor.key";

/** Issues certificates, as Linkerd's identity service does. */
export interface TrustAnchor {
  /** The file that sidecars verify their peers with. */
  readonly certificatePath: string;
  readonly notAfter: Date;
  /** Why it was made just now, "anchor.crt is missing"; undefined when it was there already. */
  readonly renewed: string | undefined;
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
}

/**
 * Opens the trust anchor in a folder of its own, and makes a new one where it is missing, damaged, readable by
 * others or past two thirds of its year. For the start of a shop alone: sidecars that run trust what they started
 * with, and would refuse each certificate of a new anchor.
 */
export async function openTrustAnchor(folder: string): Promise<TrustAnchor> {
  await makePrivateFolder(folder);
  const found = await inspect(folder);
  const usable = found.problem === undefined ? found.authority : undefined;
  return anchor(folder, usable ?? (await renew(folder)), found.problem);
}

/** Opens a trust anchor that exists, beside a running shop. Throws, and changes nothing, when it is missing or damaged. */
export async function readTrustAnchor(folder: string): Promise<TrustAnchor> {
  const { authority, problem } = await inspect(folder);
  if (!authority) {
    throw new Error(`Cannot use the trust anchor in ${folder}: ${problem}, start the shop to have a new one made`);
  }
  return anchor(folder, authority, undefined);
}

/** Writes a certificate and its key where only the owner can read them. */
export async function writeCertificate(path: string, pem: string): Promise<void> {
  await writePrivateFile(path, pem);
}

function anchor(folder: string, authority: Authority, renewed: string | undefined): TrustAnchor {
  return {
    certificatePath: join(folder, CERTIFICATE),
    notAfter: authority.certificate.notAfter,
    renewed,
    issue: (request) => issueCertificate(authority, request),
  };
}

async function renew(folder: string): Promise<Authority> {
  const authority = await createAuthority(COMMON_NAME, YEAR_MS);
  // The key first: a crash between the two leaves a pair that does not match, which is seen at the next start.
  await writePrivateFile(join(folder, KEY), await exportKey(authority.key));
  await writePrivateFile(join(folder, CERTIFICATE), `${authority.certificate.toString("pem").trim()}\n`);
  return authority;
}

interface Found {
  /** Absent when it cannot be used at all. */
  readonly authority?: Authority;
  /** Why the next start should make another. */
  readonly problem?: string;
}

/** Says what is wrong with the files, if anything. What only the user can mend (no right to read) is thrown. */
async function inspect(folder: string): Promise<Found> {
  for (const name of [CERTIFICATE, KEY]) {
    const file = await stat(join(folder, name)).catch(missing);
    if (!file) return { problem: `${name} is missing` };
    if (name === KEY && (file.mode & 0o077) !== 0) return { problem: `${name} can be read by others` };
  }
  try {
    const { pem, key, authority } = await load(folder);
    const certificate = new X509Certificate(pem);
    if (!certificate.ca || !certificate.verify(certificate.publicKey)) {
      return { problem: `${CERTIFICATE} is not a self-signed authority` };
    }
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      return { problem: `${KEY} does not belong to ${CERTIFICATE}` };
    }
    if (Date.now() >= authority.certificate.notAfter.getTime()) return { problem: `${CERTIFICATE} has expired` };
    const { notBefore, notAfter } = authority.certificate;
    const isOld = Date.now() >= whenToRotate(notBefore, notAfter).getTime();
    return { authority, problem: isOld ? `${CERTIFICATE} is past two thirds of its lifetime` : undefined };
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw error;
    return { problem: `${CERTIFICATE} and ${KEY} are damaged` };
  }
}

async function load(folder: string) {
  const pem = await readFile(join(folder, CERTIFICATE), "utf8");
  const key = await readFile(join(folder, KEY), "utf8");
  return { pem, key, authority: await readAuthority(pem, key) };
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
