/** Weights: a map file that the stats socket can change, and the lines that draw a backend by it. */
import type { WeightedBackend } from "./backend.ts";
import type { Line } from "./section.ts";

/** The map's name in the sidecar's folder. */
export const WEIGHTS_FILE = "weights.map";

export function weightsText(weights: Readonly<Record<string, number>>): string {
  const lines = Object.entries(weights).map(([backend, weight]) => `${backend} ${weight}\n`);
  return `# Shares of the backends of rules with more than one\n${lines.join("")}`;
}

/**
 * Draws one of a rule's backends. A backend without a ready endpoint counts as weight 0, so that its share goes to the others in
 * proportion. `isChosen` is the condition that the rule was chosen; `map` is the map file's path.
 */
export function weightedChoiceLines(backends: readonly WeightedBackend[], isChosen: string, map: string): Line[] {
  const total = `txn.upto_${backends.length - 1}`;
  return [
    ...backends.flatMap((backend, index) => weightLines(backend, index, isChosen, map)),
    `http-request deny deny_status 503 if ${isChosen} { var(${total}) -m int eq 0 }`,
    `http-request set-var(txn.drawn) rand,mod(${total}) if ${isChosen}`,
    ...backends.map(
      ({ name }, index) =>
        `http-request set-var(txn.backend) str(${name}) if ${isChosen} { var(txn.drawn),sub(txn.upto_${index}) -m int lt 0 }`,
    ),
  ];
}

// Not nbsrv(), which is 0 in a process that was reloaded and still has connections: each endpoint is asked.
function weightLines({ name, endpoints }: WeightedBackend, index: number, isChosen: string, map: string): Line[] {
  const isReady = `ready:${name}`;
  const before = index === 0 ? "" : `,add(txn.upto_${index - 1})`;
  return [
    ...endpoints.map(({ server }) => `acl ${isReady} srv_is_up(${name}/${server})`),
    `http-request set-var(txn.weight) int(0) if ${isChosen}`,
    ...(endpoints.length > 0
      ? [`http-request set-var(txn.weight) str(${name}),map_str_int(${map},0) if ${isChosen} ${isReady}`]
      : []),
    `http-request set-var(txn.upto_${index}) var(txn.weight)${before} if ${isChosen}`,
  ];
}
