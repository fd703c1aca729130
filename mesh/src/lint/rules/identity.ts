import type { Cluster } from "../cluster.ts";
import { distance } from "../edit-distance.ts";
import { mayBeSame } from "../kube-object.ts";
import { referenceOf } from "../reference.ts";
import type { Rule } from "../rule.ts";
import type { Value } from "../value.ts";

const IDENTITY =
  /^(\*|(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)\.([a-z0-9]([-a-z0-9]*[a-z0-9])?)\.serviceaccount\.identity(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+|spiffe:\/\/.+)$/;

export const IDENTITY_RULES: readonly Rule[] = [
  {
    name: "shared-service-account",
    why: "a mesh identity is a ServiceAccount: whoever shares it may call all that any of them may call",
    fix: "give every workload a ServiceAccount of its own (versions of one workload share it), and name it in serviceAccountName",
    *check(cluster) {
      const workloads = cluster.workloads.filter(({ annotations }) => annotations["linkerd.io/inject"] !== "disabled");
      const isUnnamed = !namesAccounts(cluster);
      const hinted = new Set<string | undefined>();
      for (const [index, { object, template, account }] of workloads.entries()) {
        const others = workloads
          .slice(0, index)
          .filter(
            (other) =>
              other.account === account &&
              mayBeSame(other.object.namespace, object.namespace) &&
              appOf(other) !== appOf({ object, template }),
          );
        const first = others[0]?.object;
        if (!first) continue;
        // As long as no policy tells accounts apart, nobody may more than another.
        const isHint = account === "default" && isUnnamed;
        if (isHint && hinted.has(object.namespace)) continue;
        if (isHint) hinted.add(object.namespace);
        yield {
          at: template.at("spec", "serviceAccountName"),
          message: `${object.kind} ${object.name} and ${first.kind} ${first.name} share the ServiceAccount ${account}`,
          isHint,
        };
      }
    },
  },
  {
    name: "identity-form",
    why: "no workload has such an identity, so the authentication matches nobody: PERMISSION_DENIED",
    fix: "write <ServiceAccount>.<Namespace>.serviceaccount.identity.linkerd.cluster.local, *.<Namespace>.serviceaccount.identity.…, * or identityRefs",
    *check(cluster) {
      for (const at of cluster.ofKind("MeshTLSAuthentication").flatMap(({ spec }) => spec.at("identities").items)) {
        if (!IDENTITY.test(at.text ?? "")) yield { at, message: `${JSON.stringify(at.raw)} is no mesh identity` };
      }
    },
  },
  {
    name: "unknown-service-account",
    why: "no workload runs under this account, so the authentication does not let in whom it should: PERMISSION_DENIED",
    fix: "correct the name, or add the ServiceAccount",
    *check(cluster) {
      for (const { spec, namespace: own } of cluster.ofKind("MeshTLSAuthentication")) {
        const clients = [...spec.at("identities").items.flatMap(namedAccount), ...referredAccounts(spec, own)];
        const unknown = clients.filter(
          ({ account, namespace }) =>
            cluster.knows("ServiceAccount", namespace) && !cluster.find("ServiceAccount", account, namespace),
        );
        for (const { at, account, namespace } of unknown) {
          const known = cluster.ofKind("ServiceAccount").filter((object) => mayBeSame(object.namespace, namespace));
          const similar = known.find(({ name }) => distance(name, account) <= 2)?.name;
          // A client that is still to come may stand among others; one that is spelled wrongly may not.
          if (similar === undefined && unknown.length < clients.length) continue;
          const hint = similar === undefined ? "" : `; ${similar} is`;
          yield { at, message: `no ServiceAccount in ${namespace ?? "the namespace"} is called ${account}${hint}` };
        }
      }
    },
  },
  {
    name: "mesh-tls-authentication",
    why: "the API server refuses it: it names clients in both ways, or none at all",
    fix: 'write either identities or identityRefs, with at least one item; ["*"] is everybody in the mesh',
    *check(cluster) {
      for (const { name, spec } of cluster.ofKind("MeshTLSAuthentication")) {
        const given = ["identities", "identityRefs"].filter((field) => spec.at(field).exists);
        const isEmpty = given.every((field) => spec.at(field).items.length === 0);
        if (given.length === 1 && !isEmpty) continue;
        yield {
          at: spec,
          message: `MeshTLSAuthentication ${name} has ${given.length === 2 ? "both identities and identityRefs" : "nobody in it"}`,
        };
      }
    },
  },
];

/** Whether any policy at hand lets in some accounts and not others. */
function namesAccounts(cluster: Cluster): boolean {
  const identities = cluster.ofKind("MeshTLSAuthentication").flatMap(({ spec }) => spec.at("identities").items);
  const older = cluster.ofKind("ServerAuthorization").map(({ spec }) => spec.at("client", "meshTLS"));
  const references = [
    ...cluster.ofKind("MeshTLSAuthentication").flatMap(({ spec }) => spec.at("identityRefs").items),
    ...cluster.ofKind("AuthorizationPolicy").flatMap(({ spec }) => spec.at("requiredAuthenticationRefs").items),
    ...cluster
      .ofKind("HTTPLocalRateLimitPolicy")
      .flatMap(({ spec }) => spec.at("overrides").items.flatMap((override) => override.at("clientRefs").items)),
  ].map(referenceOf);
  return (
    references.some(({ kind }) => kind === "ServiceAccount") ||
    older.some((client) => client.at("serviceAccounts").items.length > 0) ||
    [...identities, ...older.flatMap((client) => client.at("identities").items)].some((at) => !at.text?.startsWith("*"))
  );
}

/** Versions of one app share this. */
function appOf({
  object,
  template,
}: {
  object: { name: string };
  template: { at(...steps: string[]): { texts: Record<string, string> } };
}): string {
  const labels = template.at("metadata", "labels").texts;
  return labels["app.kubernetes.io/name"] ?? labels.app ?? labels["k8s-app"] ?? object.name;
}

interface Client {
  readonly at: Value;
  readonly account: string;
  readonly namespace: string | undefined;
}

/** The account in "cart.shop.serviceaccount.identity.linkerd.cluster.local". */
function namedAccount(at: Value): Client[] {
  const [account = "", namespace, kind] = (at.text ?? "").split(".");
  return kind === "serviceaccount" && account !== "*" ? [{ at, account, namespace }] : [];
}

function referredAccounts(spec: Value, own: string | undefined): Client[] {
  return spec
    .at("identityRefs")
    .items.map(referenceOf)
    .filter(({ kind }) => kind === "ServiceAccount")
    .map(({ at, name = "", namespace = own }) => ({ at, account: name, namespace }));
}
