/** Weights: a map file that the stats socket can change, and the lines that draw a backend by it. */
import type { Backend } from "./backend.ts";
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
export function drawLines(backends: readonly Backend[], isChosen: string, map: string): Line[] {
  const last = `txn.upto_${backends.length - 1}`;
  const sums = backends.flatMap(({ name }, index) => [
    `http-request set-var(txn.weight) str(${name}),map_str_int(${map},0) if ${isChosen}`,
    `http-request set-var(txn.upto_${index}) nbsrv(${name}),bool,mul(txn.weight)${
      index > 0 ? `,add(txn.upto_${index - 1})` : ""
    } if ${isChosen}`,
  ]);
  return [
    ...sums,
    `http-request deny deny_status 503 if ${isChosen} { var(${last}) eq 0 }`,
    `http-request set-var(txn.drawn) rand,mod(${last}) if ${isChosen}`,
    ...backends.map(
      ({ name }, index) =>
        `http-request set-var(txn.backend) str(${name}) if ${isChosen} { var(txn.drawn),sub(txn.upto_${index}) lt 0 }`,
    ),
  ];
}
