// Who may reach whom, as the mesh's policy, the NetworkPolicies and the pods say it: each from its own source, and all the same.
import assert from "node:assert/strict";
import { IDENTITY_DOMAIN } from "@row/runtime/names.ts";
import { test } from "vitest";
import { core, field, type KubeObject, list, mesh, shop, type Workload, workloads } from "./manifests.ts";

/** Callers that contracts name before there is a folder for them, and Prometheus, whom the observability profile brings. */
const TO_COME = ["cart.shop", "prometheus.observability"];

const objects = [...core(), ...mesh()];
const pods = workloads(objects);
const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
const name = ({ metadata }: KubeObject) => metadata.name;

test("every port of a Server is a port of the pods that it selects, and it selects some", () => {
  for (const server of ofKind("Server")) {
    const selected = podsOf(server);
    assert.ok(selected.length > 0, name(server));
    const port = field(server, "spec", "port");
    for (const pod of selected) {
      const ports = pod.containers.flatMap((container) => container.ports ?? []);
      assert.ok(
        ports.some((own) => own.name === port || own.containerPort === port),
        `${pod.name} ${port}`,
      );
    }
  }
});

test("every port of a meshed pod that somebody may call has a Server, but for what probes alone may ask", () => {
  const uncovered = pods
    .filter(({ isMeshed }) => isMeshed)
    .flatMap((pod) =>
      pod.containers
        .flatMap((container) => container.ports ?? [])
        .filter((port) => !serversOf(pod).some((at) => at === port.name || at === port.containerPort))
        .map((port) => `${pod.name} ${port.name}`),
    );
  assert.deepEqual(uncovered, ["nats monitor"]);
});

test("every identity that is let in is an account that a workload runs under, or one that is to come", () => {
  const accounts = new Set(pods.map(({ account }) => `${account}.shop.${IDENTITY_DOMAIN}`));
  const toCome = new Set(TO_COME.map((account) => `${account}.${IDENTITY_DOMAIN}`));
  const unknown = ofKind("MeshTLSAuthentication")
    .flatMap((authentication) => list(authentication, "spec", "identities").map(String))
    .filter((identity) => !accounts.has(identity) && !toCome.has(identity));
  assert.deepEqual(unknown, []);
});

test("every workload has an account of its own that exists, and no account is nobody's", () => {
  const accounts = pods.map(({ account }) => account).sort();
  assert.deepEqual(accounts, [...new Set(accounts)]);
  assert.deepEqual(ofKind("ServiceAccount").map(name).sort(), accounts);
});

test("every Service selects pods that have its ports, and no Job's pods are any Service's", () => {
  for (const service of ofKind("Service")) {
    const selected = pods.filter(({ template }) =>
      matches(field(service, "spec", "selector"), template.metadata?.labels),
    );
    assert.ok(selected.length > 0, name(service));
    assert.deepEqual(
      selected.filter(({ kind }) => kind === "Job"),
      [],
    );
    for (const port of list(service, "spec", "ports")) {
      const target = field(port, "targetPort");
      for (const pod of selected) {
        assert.ok(
          pod.containers.some(({ ports }) => ports?.some((own) => own.name === target)),
          `${name(service)} ${target}`,
        );
      }
    }
  }
});

test("every host that a workload is told of is one that its NetworkPolicy, the host's own and the mesh let it reach", () => {
  let checked = 0;
  for (const pod of pods) {
    for (const { host, port } of hostsOf(pod)) {
      const service = ofKind("Service").find((candidate) => name(candidate) === host);
      assert.ok(service, `${pod.name} is told of ${host}, which is no Service`);
      const target = list(service, "spec", "ports").find((own) => field(own, "port") === port);
      assert.ok(target, `${pod.name} is told of ${host}:${port}, which the Service does not have`);
      for (const callee of pods.filter(({ template }) =>
        matches(field(service, "spec", "selector"), template.metadata?.labels),
      )) {
        assert.ok(networkLets(pod, callee), `no NetworkPolicy lets ${pod.name} reach ${callee.name}`);
        if (callee.isMeshed)
          assert.ok(meshLets(pod, callee, field(target, "targetPort")), `${pod.name} → ${callee.name}`);
        checked += 1;
      }
    }
  }
  assert.ok(checked > 20, String(checked));
});

test("whoever the mesh lets in the network lets through too", () => {
  for (const callee of pods.filter(({ isMeshed }) => isMeshed)) {
    for (const caller of pods.filter((pod) => pod !== callee && pod.isMeshed && pod.kind !== "Job")) {
      const ports = callee.containers.flatMap((container) => container.ports ?? []);
      if (callee.app === "edge" && caller.app !== "toolbox") continue; // anybody, from outside
      if (!ports.some((port) => meshLets(caller, callee, port.name))) continue;
      // Everybody may fetch auth's keys, by its contract; who does is in service.yaml.
      assert.ok(networkLets(caller, callee), `${caller.name} → ${callee.name}`);
    }
  }
});

test("nobody reaches the card gateway but those who call it, and nobody the stores but their users", () => {
  const reach = (callee: string) => {
    const others = pods.filter((pod) => pod.app !== callee);
    const to = pods.find((pod) => pod.app === callee);
    assert.ok(to);
    const letIn = others.filter((from) => lets(to, "ingress", from)).map(({ app }) => app);
    // Either end alone keeps the others out.
    assert.deepEqual(
      others.filter((from) => lets(from, "egress", to)).map(({ app }) => app),
      letIn,
    );
    return letIn;
  };
  assert.deepEqual(reach("card-gateway"), ["payments"]);
  const owners = shop.databases.flatMap(({ name: service }) => [service, `${service}-migrate`]);
  assert.deepEqual(reach("postgres").sort(), [...owners, "postgres-databases"].sort());
  assert.deepEqual(
    reach("nats").sort(),
    [...shop.natsUsers.map(({ name: service }) => service), "nats-streams"].sort(),
  );
  assert.deepEqual(reach("redis-cache"), []);
});

test("a NetworkPolicy names peers and no ports, and each pod has one of its own beside the one for all", () => {
  for (const policy of ofKind("NetworkPolicy")) {
    for (const rule of [...list(policy, "spec", "ingress"), ...list(policy, "spec", "egress")]) {
      assert.equal(field(rule, "ports"), undefined, name(policy));
    }
  }
  for (const pod of pods) assert.equal(policiesOf(pod).length, 2, pod.name);
});

function matches(selector: unknown, labels: Readonly<Record<string, string>> = {}): boolean {
  return (
    typeof selector === "object" &&
    selector !== null &&
    Object.entries(selector).every(([key, value]) => labels[key] === value)
  );
}

function podsOf(server: KubeObject): Workload[] {
  return pods.filter(({ template }) =>
    matches(field(server, "spec", "podSelector", "matchLabels"), template.metadata?.labels),
  );
}

function serversOf(pod: Workload): unknown[] {
  return ofKind("Server")
    .filter((server) => podsOf(server).includes(pod))
    .map((server) => field(server, "spec", "port"));
}

/** Every "host:port" and "scheme://…host:port" among a pod's variables, and what its DATABASE_URL and the like will be. */
function hostsOf(pod: Workload): { host: string; port: number }[] {
  const variables = pod.containers.flatMap((container) => container.env ?? []);
  const told = variables.flatMap(({ name: variable, value, valueFrom }) => {
    const given = /^(?:\w+:\/\/)?([a-z][a-z0-9-]*):(\d+)$/.exec(value ?? "");
    if (given) return [{ host: given[1] ?? "", port: Number(given[2]) }];
    if (variable === "DATABASE_URL" && valueFrom) return [{ host: "postgres", port: 5432 }];
    if (variable === "PGHOST") return [{ host: value ?? "", port: 5432 }];
    return [];
  });
  return told;
}

function policiesOf(pod: Workload): KubeObject[] {
  return ofKind("NetworkPolicy").filter((policy) =>
    matches(field(policy, "spec", "podSelector", "matchLabels") ?? {}, pod.template.metadata?.labels),
  );
}

/** Both ends have to: one lets out, the other lets in. */
function networkLets(from: Workload, to: Workload): boolean {
  return lets(from, "egress", to) && lets(to, "ingress", from);
}

function lets(pod: Workload, direction: "ingress" | "egress", other: Workload): boolean {
  const peer = direction === "ingress" ? "from" : "to";
  return policiesOf(pod)
    .flatMap((policy) => list(policy, "spec", direction))
    .some((rule) => {
      const isOther = (one: unknown) =>
        field(one, "namespaceSelector") === undefined &&
        matches(field(one, "podSelector", "matchLabels"), other.template.metadata?.labels);
      return field(rule, peer) === undefined || list(rule, peer).some(isOther);
    });
}

/** Whether some policy on the Server of this port, or on a route of it, lets the caller in. */
function meshLets(from: Workload, to: Workload, port: unknown): boolean {
  const number = to.containers
    .flatMap((container) => container.ports ?? [])
    .find((own) => own.name === port)?.containerPort;
  const servers = ofKind("Server").filter(
    (server) => podsOf(server).includes(to) && [port, number].some((own) => own === field(server, "spec", "port")),
  );
  return servers.some((server) => {
    const routes = ofKind("GRPCRoute").filter((route) =>
      list(route, "spec", "parentRefs").some(
        (ref) => field(ref, "kind") === "Server" && field(ref, "name") === name(server),
      ),
    );
    return ofKind("AuthorizationPolicy")
      .filter((policy) => [server, ...routes].map(name).includes(String(field(policy, "spec", "targetRef", "name"))))
      .some((policy) => {
        const required = list(policy, "spec", "requiredAuthenticationRefs").map((ref) => field(ref, "name"));
        const identities = ofKind("MeshTLSAuthentication")
          .filter((authentication) => required.includes(name(authentication)))
          .flatMap((authentication) => list(authentication, "spec", "identities"));
        return required.length === 0 || identities.includes(`${from.account}.shop.${IDENTITY_DOMAIN}`);
      });
  });
}
