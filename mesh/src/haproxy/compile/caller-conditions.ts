/** An authorization as a condition on the caller. */

import { IDENTITY_DOMAIN, identityOf, TOOLBOX } from "@row/runtime/names.ts";
import { type Authorization, fits } from "../../policy/authorization.ts";
import { quoted } from "./section.ts";

/** Whose rights a caller without an identity has on the laptop ports: what the toolbox may call. */
const LAPTOP_IDENTITY = identityOf(TOOLBOX);

/** Conditions of which one must hold, for a caller whose certificate was checked. */
export function certifiedConditions({ identities, networks }: Authorization): string[] {
  const who = identities === undefined ? [""] : identityConditions(identities);
  return who.flatMap((one) => networkConditions(networks).map((from) => [one, from].filter(Boolean).join(" ")));
}

/** Conditions of which one must hold on a laptop port; none for what the toolbox may not call. */
export function laptopConditions({ identities, networks }: Authorization): string[] {
  if (identities !== undefined && !identities.some((pattern) => fits(LAPTOP_IDENTITY, pattern))) return [];
  return networkConditions(networks);
}

// The certificate's CN is the identity without the domain that all of them share.
function identityConditions(identities: readonly string[]): string[] {
  const domain = `.${IDENTITY_DOMAIN}`;
  if (
    identities.some((pattern) => pattern === "*" || (pattern.startsWith("*.") && domain.endsWith(pattern.slice(1))))
  ) {
    return ["{ var(txn.caller) -m found }"];
  }
  const known = identities
    .filter((pattern) => pattern.endsWith(domain))
    .map((pattern) => pattern.slice(0, -domain.length));
  const exact = known.filter((pattern) => !pattern.startsWith("*."));
  const endings = known.filter((pattern) => pattern.startsWith("*.")).map((pattern) => pattern.slice(1));
  return [
    ...(exact.length > 0 ? [`{ var(txn.caller) -m str -- ${exact.map(quoted).join(" ")} }`] : []),
    ...(endings.length > 0 ? [`{ var(txn.caller) -m end -- ${endings.map(quoted).join(" ")} }`] : []),
  ];
}

function networkConditions(networks: Authorization["networks"]): string[] {
  if (networks === undefined) return [""];
  return networks.map(({ cidr, except }) =>
    [`{ src ${cidr} }`, ...(except.length > 0 ? [`!{ src ${except.join(" ")} }`] : [])].join(" "),
  );
}
