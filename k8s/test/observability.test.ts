// The observability profile: who may call whom there, what it runs, and that dashboards and alerts are fit to be looked at.
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SCRAPER } from "@row/mesh/generate/servers.ts";
import { IDENTITY_DOMAIN } from "@row/runtime/names.ts";
import { DaemonSet, Deployment } from "kubernetes-models/apps/v1";
import type { IPodSpec } from "kubernetes-models/v1";
import { test } from "vitest";
import { parse as parseYaml } from "yaml";
import { renderedFiles } from "../src/profiles.ts";
import { core, field, type KubeObject, list, parse, root, shop } from "./manifests.ts";
import { dashboards, logQueries, panels, rules } from "./queries.ts";

const objects = [...renderedFiles(shop)].flatMap(([file, text]) =>
  file.startsWith("k8s/rendered/observability/") ? parse(text) : [],
);
const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
const name = ({ metadata }: KubeObject) => metadata.name;
const PARTS = ["otel-collector", "jaeger", "prometheus", "loki", "logs", "grafana"];

const pods = new Map<string, IPodSpec>();
for (const object of objects) {
  const spec = Deployment.is(object) || DaemonSet.is(object) ? object.spec?.template.spec : undefined;
  if (spec) pods.set(object.metadata.name, spec);
}
const containerOf = (part: string) => pods.get(part)?.containers[0];

test("every part runs once, under an account of its own", () => {
  assert.deepEqual([...pods.keys()].sort(), [...PARTS].sort());
  assert.deepEqual(ofKind("ServiceAccount").map(name).sort(), [...PARTS].sort());
  for (const [part, { serviceAccountName }] of pods) assert.equal(serviceAccountName, part);
});

test("images are pinned to one version, and name no registry", () => {
  for (const part of PARTS) assert.match(containerOf(part)?.image ?? "", /^[a-z]+\/[a-z-]+:v?\d+\.\d+\.\d+$/);
});

test("everything is bounded: memory, disks, and together no more than a laptop can spare", () => {
  let mebibytes = 0;
  for (const part of PARTS) {
    const { requests, limits } = containerOf(part)?.resources ?? {};
    mebibytes += Number(/^(\d+)Mi$/.exec(String(requests?.memory))?.[1]);
    assert.match(String(limits?.memory), /^\d+[MG]i$/, part);
    for (const { emptyDir } of pods.get(part)?.volumes ?? []) if (emptyDir) assert.ok(emptyDir.sizeLimit, part);
  }
  assert.ok(mebibytes > 0 && mebibytes <= 1_024, `${mebibytes} MiB`);
});

test("no part may do more than it must: only who reads the node's logs is root, and it can change nothing there", () => {
  for (const [part, pod] of pods) {
    const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = containerOf(part)?.securityContext ?? {};
    assert.deepEqual(
      [readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities],
      [true, false, { drop: ["ALL"] }],
    );
    assert.equal(pod.securityContext?.runAsNonRoot === true, part !== "logs", part);
    assert.equal(pod.automountServiceAccountToken, part === "prometheus", part);
    const hosts = (pod.volumes ?? []).filter(({ hostPath }) => hostPath).map((volume) => volume.name);
    assert.deepEqual(hosts, part === "logs" ? ["pods"] : [], part);
    for (const mount of containerOf(part)?.volumeMounts ?? []) {
      if (hosts.includes(mount.name)) assert.equal(mount.readOnly, true);
    }
  }
});

test("a pod without a policy of its own is closed: the namespace is in the mesh and denies", () => {
  const annotations = ofKind("Namespace")[0]?.metadata.annotations;
  assert.equal(annotations?.["linkerd.io/inject"], "enabled");
  assert.equal(annotations?.["config.linkerd.io/default-inbound-policy"], "deny");
});

test("every port has a Server, but for those that only the kubelet asks", () => {
  const covered = ofKind("Server").map(
    (server) => `${server.metadata.labels?.["app.kubernetes.io/name"]} ${field(server, "spec", "port")}`,
  );
  const ports = PARTS.flatMap((part) => containerOf(part)?.ports?.map((port) => `${part} ${port.name}`) ?? []);
  assert.deepEqual(
    ports.filter((port) => !covered.includes(port)),
    ["otel-collector health", "jaeger health", "logs health"],
  );
  assert.deepEqual(
    covered.filter((port) => !ports.includes(port)),
    [],
  );
});

/** Which identities the mesh lets use a port. */
function mayCall(part: string, port: string): string[] {
  const authentication = ofKind("MeshTLSAuthentication").find((object) => name(object) === `${part}-${port}`);
  return list(authentication, "spec", "identities").map((identity) =>
    String(identity).replace(`.${IDENTITY_DOMAIN}`, ""),
  );
}

test("who may push, who may read", () => {
  assert.deepEqual(mayCall("otel-collector", "otlp-http"), ["*.shop"]);
  assert.deepEqual(mayCall("otel-collector", "otlp-grpc"), ["*.shop", "*.observability", "*.linkerd"]);
  assert.deepEqual(mayCall("jaeger", "otlp-grpc"), ["otel-collector.observability"]);
  assert.deepEqual(mayCall("jaeger", "http"), ["grafana.observability"]);
  assert.deepEqual(mayCall("prometheus", "http"), ["grafana.observability"]);
  assert.deepEqual(mayCall("loki", "http"), ["logs.observability", "grafana.observability"]);
  assert.deepEqual(mayCall("grafana", "http"), []);
  for (const part of ["otel-collector", "jaeger", "logs"]) {
    assert.deepEqual(mayCall(part, "metrics"), ["prometheus.observability"]);
  }
  assert.equal(SCRAPER, `prometheus.observability.${IDENTITY_DOMAIN}`);
});

test("every address in a configuration is a Service's, and the mesh and the network let the part reach it", () => {
  const found: string[] = [];
  for (const part of PARTS) {
    const configMap = ofKind("ConfigMap").find((object) => name(object) === part);
    const text = Object.entries(field(configMap, "data") ?? {})
      .filter(([file]) => !file.endsWith(".rules.yaml"))
      .map(([, content]) => content)
      .join("\n");
    for (const [, host = "", port] of text.matchAll(
      /\b(?:http:\/\/)?([a-z][a-z-]*)(?:\.observability)?:(\d{4,5})\b/g,
    )) {
      if (host === "localhost") continue;
      const service = ofKind("Service").find((object) => name(object) === host);
      const target = list(service, "spec", "ports").find((own) => field(own, "port") === Number(port));
      assert.ok(target, `${part} calls ${host}:${port}`);
      assert.ok(mayCall(host, String(field(target, "name"))).includes(`${part}.observability`), `${part} → ${host}`);
      assert.ok(networkLets(part, host), `the network keeps ${part} from ${host}`);
      found.push(`${part} → ${host}`);
    }
  }
  assert.deepEqual(found.sort(), [
    "grafana → jaeger",
    "grafana → loki",
    "grafana → prometheus",
    "logs → loki",
    "otel-collector → jaeger",
  ]);
});

function networkLets(from: string, to: string): boolean {
  const rulesOf = (part: string, direction: "ingress" | "egress") =>
    list(
      ofKind("NetworkPolicy").find((object) => name(object) === part),
      "spec",
      direction,
    );
  const names = (rule: unknown, side: "from" | "to", part: string) =>
    list(rule, side).some((peer) => field(peer, "podSelector", "matchLabels", "app.kubernetes.io/name") === part);
  return (
    rulesOf(from, "egress").some((rule) => names(rule, "to", to)) &&
    rulesOf(to, "ingress").some((rule) => names(rule, "from", from))
  );
}

test("the services are told of the collector by an address that is one", () => {
  const telemetry = ofKind("ConfigMap").find((object) => name(object) === "telemetry");
  assert.equal(telemetry?.metadata.namespace, "shop");
  const told = Object.entries(field(telemetry, "data") ?? {});
  assert.deepEqual(told, [["OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel-collector.observability:4318"]]);
  const asks = core()
    .map((object) => JSON.stringify(object))
    .filter((text) => text.includes('"name":"telemetry"'));
  assert.ok(asks.length >= shop.meshed.length);
  assert.ok(asks.every((text) => text.includes('"key":"OTEL_EXPORTER_OTLP_ENDPOINT"')));
});

test("Linkerd's values name the collector's port and identity", () => {
  const values: unknown = parseYaml(readFileSync(join(root, "k8s/linkerd/tracing.yaml"), "utf8"));
  const collector = field(values, "proxy", "tracing", "collector");
  assert.equal(field(collector, "endpoint"), "otel-collector.observability:4317");
  assert.deepEqual(field(collector, "meshIdentity"), {
    serviceAccountName: pods.get("otel-collector")?.serviceAccountName,
    namespace: "observability",
  });
});

test("every dashboard says what it is, and asks whatever Prometheus it is given", () => {
  assert.ok(dashboards().length >= 5);
  const uids = dashboards().map(({ dashboard }) => field(dashboard, "uid"));
  assert.equal(new Set(uids).size, uids.length);
  for (const { file, dashboard } of dashboards()) {
    for (const key of ["uid", "title", "description"]) assert.ok(field(dashboard, key), `${file} has no ${key}`);
    const variables = list(dashboard, "templating", "list").map((variable) => field(variable, "name"));
    const own = panels().filter((panel) => panel.dashboard === basename(file));
    assert.ok(own.length > 0);
    for (const { title, object } of own) {
      const what = `${file}: ${title}`;
      assert.ok(title && field(object, "description"), what);
      assert.ok(field(object, "fieldConfig", "defaults", "unit"), `${what} has no unit`);
      const uid = String(field(object, "datasource", "uid"));
      assert.ok(variables.includes(/^\$\{(\w+)\}$/.exec(uid)?.[1]), `${what} asks ${uid}`);
      for (const target of list(object, "targets")) {
        assert.deepEqual(field(target, "datasource"), field(object, "datasource"), what);
        assert.ok(field(target, "expr"), what);
      }
    }
    const places = own.map(({ object }) => JSON.stringify(field(object, "gridPos")));
    assert.equal(new Set(places).size, places.length, `${file}: panels lie on one another`);
  }
});

test("logs are asked for by labels that the collector gives them", () => {
  assert.ok(logQueries().length > 0);
  for (const { where, expression } of logQueries()) {
    const [, selector = ""] = /^\{([^}]*)\}/.exec(expression) ?? [];
    const labels = [...selector.matchAll(/(\w+)=/g)].map(([, label]) => label);
    assert.ok(labels.length > 0, where);
    assert.deepEqual(
      labels.filter((label) => !/^k8s_(namespace|pod|container)_name$/.test(label ?? "")),
      [],
      where,
    );
  }
});

test("every alert says how bad it is, what is the matter and where it stands what to do", () => {
  const alerts = rules().filter(({ alert }) => alert !== undefined);
  assert.ok(alerts.length >= 12);
  const runbooks = alerts.map(({ alert, labels, annotations }) => {
    const what = String(alert);
    assert.match(String(field(labels, "severity")), /^(critical|warning)$/, what);
    assert.ok(field(annotations, "summary"), what);
    const runbook = String(field(annotations, "runbook"));
    const kebab = what.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();
    assert.equal(runbook, `docs/runbooks/${kebab}.md`);
    assert.ok(existsSync(join(root, runbook)), runbook);
    return runbook;
  });
  const written = globSync("docs/runbooks/*.md", { cwd: root }).filter((file) => basename(file) !== "README.md");
  assert.deepEqual(
    runbooks.filter((file) => !written.includes(file)),
    [],
  );
});

test("a runbook says what it means, what to look at here and there, and how to mend it", () => {
  for (const { annotations } of rules().filter(({ alert }) => alert)) {
    const file = String(field(annotations, "runbook"));
    const text = readFileSync(join(root, file), "utf8");
    for (const heading of ["## What it means", "## Look at first", "## Mend"]) assert.ok(text.includes(heading), file);
    assert.match(text, /\bnpm run row -- |\bcurl /, `${file}: nothing for a laptop`);
    assert.match(text, /\bkubectl /, `${file}: nothing for a cluster`);
  }
});

test("every alert is tried by a test of its own, that it fires and that it does not", () => {
  const cases = globSync("k8s/alerts/tests/*.test.yaml", { cwd: root }).flatMap((file) =>
    list(parseYaml(readFileSync(join(root, file), "utf8")), "tests").flatMap((one) => list(one, "alert_rule_test")),
  );
  for (const { alert } of rules().filter((rule) => rule.alert)) {
    const own = cases.filter((one) => field(one, "alertname") === alert);
    assert.ok(
      own.some((one) => list(one, "exp_alerts").length > 0),
      `${alert} never fires in a test`,
    );
  }
});

test("Prometheus has every rule file, and Grafana every dashboard", () => {
  const filesOf = (configMap: string) => {
    const found = ofKind("ConfigMap").find((object) => name(object) === configMap);
    return Object.keys(field(found, "data") ?? {});
  };
  const ruleFiles = [...new Set(rules().map(({ file }) => basename(file)))];
  assert.deepEqual(
    filesOf("prometheus").filter((file) => file.endsWith(".rules.yaml")),
    ruleFiles,
  );
  assert.deepEqual(
    filesOf("grafana-dashboards"),
    dashboards().map(({ file }) => basename(file)),
  );
});
