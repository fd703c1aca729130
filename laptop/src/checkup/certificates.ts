/** How long the certificates of a mesh that runs are good for. */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { whenToRotate } from "@row/mesh/identity/certificate.ts";
import { bad, type Finding, good, warning } from "./finding.ts";

const DAY_MS = 24 * 3_600_000;
const ANCHOR_WARNING_MS = 30 * DAY_MS;
/** A renewal that fails is tried again every few seconds. */
const RENEWAL_MS = 60_000;
const ANEW = "start the shop anew: `npx row down`, then `npm start`";

/**
 * @param folder of the trust anchor and of what it has signed
 * @param instances whose sidecars run: what others had stays behind, and may have run out
 */
export function checkCertificates(folder: string, instances: readonly string[], now = new Date()): Finding[] {
  const names = ["anchor.crt", ...instances.map((instance) => `${instance}.pem`)];
  const missing = names.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) return missing.map((name) => bad("certificates", `${name} is missing in ${folder}`, ANEW));
  const found = names.map((name) => ({ name, ...lifetimeOf(readFileSync(join(folder, name))) }));
  const troubles = found.flatMap((one) => trouble(one, now) ?? []);
  if (troubles.length > 0) return troubles;
  const next = Math.min(...found.map(({ notAfter }) => notAfter.getTime()));
  return [good("certificates", `${names.length}, the first runs out in ${inWords(next - now.getTime())}`)];
}

interface Lifetime {
  readonly name: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function trouble({ name, notBefore, notAfter }: Lifetime, now: Date): Finding | undefined {
  const leftMs = notAfter.getTime() - now.getTime();
  if (leftMs <= 0) return bad("certificates", `${name} ran out ${inWords(-leftMs)} ago`, ANEW);
  if (notBefore > now)
    return bad("certificates", `${name} begins in ${inWords(notBefore.getTime() - now.getTime())}`, ANEW);
  const isAnchor = name.endsWith(".crt");
  const isLate = isAnchor
    ? leftMs < ANCHOR_WARNING_MS
    : now.getTime() > whenToRotate(notBefore, notAfter).getTime() + RENEWAL_MS;
  if (!isLate) return undefined;
  const says = isAnchor ? "runs out" : "is not renewed as it should be, and runs out";
  return warning("certificates", `${name} ${says} in ${inWords(leftMs)}`, ANEW);
}

/** From when until when the first certificate of a PEM text holds. */
export function lifetimeOf(pem: Buffer | string): Omit<Lifetime, "name"> {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return { notBefore: validFromDate, notAfter: validToDate };
}

export function inWords(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 2 * 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return ms < 2 * DAY_MS ? `${Math.floor(ms / 3_600_000)} h` : `${Math.floor(ms / DAY_MS)} days`;
}
