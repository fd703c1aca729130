import { IDENTITY_DOMAIN } from "@row/runtime/names.ts";
import type { Fields } from "../fields.ts";
import { isInside, isNetwork } from "../network.ts";
import type {
  AuthorizationPolicy,
  HttpLocalRateLimitPolicy,
  MeshTlsAuthentication,
  NetworkAuthentication,
} from "../resource.ts";
import { readReference } from "./reference.ts";

export function readAuthorizationPolicy(spec: Fields): AuthorizationPolicy["spec"] {
  const targetRef = readReference(spec.object("targetRef"), {
    kinds: [
      "policy.linkerd.io/Server",
      "gateway.networking.k8s.io/GRPCRoute",
      "gateway.networking.k8s.io/HTTPRoute",
      "/Namespace",
    ],
  });
  const field = "requiredAuthenticationRefs";
  if (!spec.has(field)) spec.problem(field, "it is missing", "write who may call, or [] for anyone");
  const refs = spec.each(field, (ref) =>
    readReference(ref, {
      kinds: ["policy.linkerd.io/MeshTLSAuthentication", "policy.linkerd.io/NetworkAuthentication", "/ServiceAccount"],
      elsewhere: true,
    }),
  );
  const byNetwork = refs.filter(({ kind }) => kind === "NetworkAuthentication").length;
  const advice = "keep one: all of them would have to hold; write a policy of its own for another";
  if (byNetwork > 1) spec.problem(field, "it has more than one NetworkAuthentication", advice);
  if (refs.length - byNetwork > 1)
    spec.problem(field, "it has more than one MeshTLSAuthentication or ServiceAccount", advice);
  return { targetRef, requiredAuthenticationRefs: refs };
}

export function readMeshTlsAuthentication(spec: Fields): MeshTlsAuthentication["spec"] {
  const identities = spec.list("identities", {
    pattern: /^(\*|(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/,
    wanted: `an identity such as catalog.shop.${IDENTITY_DOMAIN}`,
  });
  const identityRefs = spec.each("identityRefs", (ref) =>
    readReference(ref, { kinds: ["/ServiceAccount", "/Namespace"], elsewhere: true }),
  );
  if (spec.has("identities") === spec.has("identityRefs")) {
    const state = spec.has("identities") ? "it has both identities and identityRefs" : "it names nobody";
    spec.problem("", state, "write either identities or identityRefs");
  } else if (identities.length + identityRefs.length === 0) spec.problem("", "it names nobody", "write at least one");
  return { identities, identityRefs };
}

export function readNetworkAuthentication(spec: Fields): NetworkAuthentication["spec"] {
  const networks = spec.each(
    "networks",
    (network) => {
      const cidr = network.text("cidr", { wanted: "a network such as 10.0.0.0/8" });
      if (cidr !== "" && !isNetwork(cidr))
        network.problem("cidr", `"${cidr}" is no network`, "write one such as 10.0.0.0/8");
      const except = network.list("except");
      for (const [index, hole] of except.entries()) {
        if (isNetwork(hole) && (!isNetwork(cidr) || isInside(hole, cidr))) continue;
        const state = isNetwork(hole) ? `${hole} is not inside ${cidr}` : `"${hole}" is no network`;
        network.problem(["except", index], state, `write a network inside ${cidr}`);
      }
      return { cidr, except };
    },
    { min: 1, wanted: "at least one network" },
  );
  return { networks };
}

export function readRateLimit(spec: Fields): HttpLocalRateLimitPolicy["spec"] {
  const targetRef = readReference(spec.object("targetRef"), { kinds: ["policy.linkerd.io/Server"] });
  const total = readRate(spec.optionalObject("total"));
  const identity = readRate(spec.optionalObject("identity"));
  const overrides = spec.each("overrides", (override) => ({
    ...(readRate(override) ?? { requestsPerSecond: 1 }),
    clientRefs: override.each(
      "clientRefs",
      (ref) => readReference(ref, { kinds: ["/ServiceAccount"], elsewhere: true }),
      { min: 1, wanted: "the ServiceAccounts that it is for" },
    ),
  }));
  if (!total && !identity && overrides.length === 0)
    spec.problem("", "it limits nothing", "write total, identity or overrides");
  if (total) {
    const most = total.requestsPerSecond;
    const advice = `write at most ${most}, the total`;
    if (identity && identity.requestsPerSecond > most) {
      spec.problem(["identity", "requestsPerSecond"], `${identity.requestsPerSecond} exceeds the total`, advice);
    }
    for (const [index, { requestsPerSecond }] of overrides.entries()) {
      if (requestsPerSecond <= most) continue;
      spec.problem(["overrides", index, "requestsPerSecond"], `${requestsPerSecond} exceeds the total`, advice);
    }
  }
  return { targetRef, ...(total && { total }), ...(identity && { identity }), overrides };
}

function readRate(fields: Fields | undefined): { requestsPerSecond: number } | undefined {
  return (
    fields && {
      requestsPerSecond: fields.integer("requestsPerSecond", {
        from: 1,
        to: 2 ** 32 - 1,
        wanted: "a whole number from 1",
      }),
    }
  );
}
