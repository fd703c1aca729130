import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import { root } from "./manifests.ts";

const folder = mkdtempSync(join(tmpdir(), "row-linkerd-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const certificates = join(folder, "certificates");

function makeCertificates(): string {
  return execFileSync("sh", [join(root, "k8s/linkerd/certificates.sh"), certificates], {
    encoding: "utf8",
    stdio: "pipe",
  });
}

function certificate(name: string): X509Certificate {
  return new X509Certificate(readFileSync(join(certificates, `${name}.crt`)));
}

test("the trust anchor and the issuer are what Linkerd asks for: CAs on P-256 with its names, one signed by the other", () => {
  makeCertificates();
  const [anchor, issuer] = ["anchor", "issuer"].map(certificate);
  assert.ok(anchor && issuer);
  for (const [one, name] of [
    [anchor, "root"],
    [issuer, "identity"],
  ] as const) {
    assert.equal(one.subject, `CN=${name}.linkerd.cluster.local`);
    assert.ok(one.ca);
    assert.equal(one.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  }
  assert.ok(anchor.verify(anchor.publicKey) && issuer.verify(anchor.publicKey));
  const days = (one: X509Certificate) => (Date.parse(one.validTo) - Date.now()) / 86_400_000;
  assert.ok(days(anchor) > 3_600 && days(issuer) > 360 && days(issuer) < 366);
  for (const key of ["anchor.key", "issuer.key"]) assert.equal(statSync(join(certificates, key)).mode & 0o077, 0);
});

test("what is good stays, an issuer that is lost is made anew by the same anchor, and so is one of another anchor", () => {
  makeCertificates();
  const [anchor, issuer] = ["anchor", "issuer"].map((name) => certificate(name).fingerprint256);
  assert.equal(makeCertificates(), "");
  assert.deepEqual([certificate("anchor").fingerprint256, certificate("issuer").fingerprint256], [anchor, issuer]);
  rmSync(join(certificates, "issuer.key"));
  assert.match(makeCertificates(), /^Made an issuer's certificate/);
  assert.equal(certificate("anchor").fingerprint256, anchor);
  assert.ok(certificate("issuer").verify(certificate("anchor").publicKey));
  rmSync(join(certificates, "anchor.crt"));
  assert.match(makeCertificates(), /trust anchor[\s\S]*issuer/);
  assert.ok(certificate("issuer").verify(certificate("anchor").publicKey));
});

// What the script asks of kubectl, curl and linkerd, answered as a cluster would that has what LINKERD and GATEWAY say.
const KUBECTL = `#!/bin/sh
echo "kubectl $*" >> "$CALLS"
case "$*" in
  *"get crd"*) printf '%s' "$GATEWAY" ;;
  *"get namespace linkerd"*) [ -z "$LINKERD$HALF" ] || echo namespace/linkerd ;;
  *"get configmap linkerd-config"*) [ -z "$LINKERD" ] || echo configmap/linkerd-config ;;
  *"get deployment linkerd-destination"*) printf 'linkerd/cli %s' "$LINKERD" ;;
  *"get nodes"*) printf '%s' "\${RUNTIME:-containerd://2.1}" ;;
esac
`;
const CURL = `#!/bin/sh
echo "curl $*" >> "$CALLS"
while [ $# -gt 2 ]; do [ "$1" = -o ] && file=$2; shift; done
# Linkerd's releases have no digests beside their files.
case "$*" in *.sha256*) exit 22 ;; esac
cp "$FOLDER/linkerd-program" "$file"
`;
const LINKERD = `#!/bin/sh
echo "linkerd $*" >> "$CALLS"
`;

function install(settings: Readonly<Record<string, string>>, ...args: string[]): { calls: string; said: string } {
  const place = mkdtempSync(join(folder, "install-"));
  const calls = join(place, "calls");
  writeFileSync(calls, "");
  mkdirSync(join(place, "bin"));
  for (const [name, text] of Object.entries({ kubectl: KUBECTL, curl: CURL })) {
    writeFileSync(join(place, "bin", name), text, { mode: 0o755 });
  }
  writeFileSync(join(place, "linkerd-program"), LINKERD);
  const env = {
    PATH: `${join(place, "bin")}:/usr/bin:/bin`,
    CALLS: calls,
    FOLDER: place,
    ROW_LINKERD_DIR: join(place, "keep"),
    ...settings,
  };
  const said = execFileSync("sh", [join(root, "k8s/linkerd/install.sh"), ...args], {
    env,
    encoding: "utf8",
    stdio: "pipe",
  });
  return { calls: readFileSync(calls, "utf8"), said };
}

test("an empty cluster gets the Gateway API, then Linkerd's CRDs, then the control plane with our certificates, and is waited for", () => {
  const { calls, said } = install({}, "--set", "proxy.tracing.enabled=true");
  const order = [
    /gateway-api\/releases\/download\/v1\.2\.1\/standard-install\.yaml/,
    /kubectl apply --server-side/,
    /linkerd2-cli-edge-26\.6\.3-linux-/,
    /linkerd check --pre/,
    /linkerd install --crds/,
    /kubectl apply -f \S+\/crds\.yaml/,
    /linkerd install --identity-trust-anchors-file \S+anchor\.crt .*issuer\.crt .*issuer\.key .*--set proxy\.tracing\.enabled=true/,
    /kubectl apply -f \S+\/linkerd\.yaml/,
    /rollout status deployment\/linkerd-proxy-injector/,
    /linkerd check --wait/,
  ].map((wanted) => calls.search(wanted));
  assert.ok(
    order.every((place) => place >= 0),
    `${order}\n${calls}`,
  );
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  assert.match(said, /digest [0-9a-f]{64}; pin it/);
  assert.doesNotMatch(calls, /runAsRoot/);
});

test("nodes that run containers by Docker get an init container that is root", () => {
  assert.match(install({ RUNTIME: "docker://28.3" }).calls, /linkerd install .*--set proxyInit\.runAsRoot=true/);
});

test("a cluster that has both is left as it is, and checked", () => {
  const { calls, said } = install({ GATEWAY: "v1.5.1", LINKERD: "edge-26.6.3" });
  assert.doesNotMatch(calls, /linkerd install|kubectl apply/);
  assert.match(calls, /linkerd check --wait/);
  assert.match(said, /Linkerd edge-26\.6\.3 is there/);
  assert.match(
    install({ GATEWAY: "v1.2.1", LINKERD: "edge-25.1.1" }).said,
    /from "linkerd\/cli edge-25\.1\.1" and not edge-26\.6\.3/,
  );
});

test("an installation that was interrupted is gone on with", () => {
  const { calls } = install({ GATEWAY: "v1.2.1", HALF: "yes" });
  assert.doesNotMatch(calls, /linkerd check --pre/);
  assert.match(calls, /linkerd install --identity-trust-anchors-file/);
});

test("a Gateway API that Linkerd cannot read and a digest that is another are refused", () => {
  assert.throws(() => install({ GATEWAY: "v1.6.1" }), /Cannot use the Gateway API v1\.6\.1/);
  const digests = ["linux_amd64", "linux_arm64", "darwin", "darwin_arm64"].map((one) => [
    `LINKERD_CLI_SHA256_${one}`,
    "0",
  ]);
  assert.throws(
    () => install({ GATEWAY: "v1.2.1", ...Object.fromEntries(digests) }),
    /Cannot use Linkerd's command line .*: its digest is/,
  );
  assert.throws(() => install({ GATEWAY_API_SHA256: "0" }), /Cannot use the Gateway API v1\.2\.1: its digest is/);
});
