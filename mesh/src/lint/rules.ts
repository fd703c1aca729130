/** Every rule, in the order in which findings of one line are shown. */
import type { Rule } from "./rule.ts";
import { ANNOTATIONS } from "./rules/annotations.ts";
import { AUTHORIZATION } from "./rules/authorization.ts";
import { BACKENDS } from "./rules/backends.ts";
import { CATCH_ALL } from "./rules/catch-all.ts";
import { IDENTITY_RULES } from "./rules/identity.ts";
import { INJECTION } from "./rules/injection.ts";
import { LEGACY } from "./rules/legacy.ts";
import { METHODS } from "./rules/methods.ts";
import { NETWORK } from "./rules/network.ts";
import { PARENTS } from "./rules/parents.ts";
import { PORTS } from "./rules/ports.ts";
import { PROBES } from "./rules/probes.ts";
import { RATE_LIMIT } from "./rules/rate-limit.ts";
import { ROLLOUTS } from "./rules/rollouts.ts";
import { ROUTE_SHAPE } from "./rules/route-shape.ts";
import { SERVERS } from "./rules/servers.ts";
import { VERSIONS } from "./rules/versions.ts";

export const RULES: readonly Rule[] = [
  ...LEGACY,
  ...VERSIONS,
  ...ROUTE_SHAPE,
  ...PARENTS,
  ...BACKENDS,
  ...CATCH_ALL,
  ...METHODS,
  ...ANNOTATIONS,
  ...PORTS,
  ...PROBES,
  ...IDENTITY_RULES,
  ...INJECTION,
  ...NETWORK,
  ...SERVERS,
  ...AUTHORIZATION,
  ...RATE_LIMIT,
  ...ROLLOUTS,
];
