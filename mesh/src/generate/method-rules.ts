import type { MethodContract } from "@row/runtime/contract.ts";

/** What the Gateway API admits, in its oldest version that Linkerd still takes. */
const MATCHES_A_RULE = 8;
const RULES_A_ROUTE = 16;

/** Rules that together match exactly these methods. */
export function methodRules(methods: readonly MethodContract[], fields: Record<string, unknown> = {}): object[] {
  const matches = methods.map(({ descriptor }) => ({
    method: { service: descriptor.parent.typeName, method: descriptor.name },
  }));
  const rules: object[] = [];
  for (let start = 0; start < matches.length; start += MATCHES_A_RULE) {
    rules.push({ matches: matches.slice(start, start + MATCHES_A_RULE), ...fields });
  }
  if (rules.length > RULES_A_ROUTE) {
    const held = MATCHES_A_RULE * RULES_A_ROUTE;
    throw new Error(
      `Cannot write one route for ${methods[0]?.path} and others: ${methods.length} methods, it holds ${held}`,
    );
  }
  return rules;
}
