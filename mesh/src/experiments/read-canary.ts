/** What an experiment's canary is: where its code comes from, and how it is to misbehave. Pure: it only computes. */
import { InvalidBehaviour, parseBehaviour } from "@row/runtime/behaviour/catalogue.ts";
import { misfit } from "@row/runtime/behaviour/misfit.ts";
import type { Fields } from "../resources/fields.ts";
import { DNS_LABEL, WANTED_NAME } from "../resources/kinds/metadata.ts";
import type { Canary } from "./experiment.ts";
import type { KnownService } from "./metrics.ts";

export function readVersion(from: Fields | undefined, fallback: string): string {
  return from?.text("version", { pattern: DNS_LABEL, wanted: WANTED_NAME, fallback }) ?? fallback;
}

const SOURCES = ["folder", "gitRef", "image"] as const;

export function readCanary(canary: Fields, service: KnownService | undefined): Canary {
  const version = readVersion(canary, "v2");
  const behaviour = canary.optionalText("behaviour", { wanted: 'a behaviour such as "errors=5%"' });
  const wrong = behaviour !== undefined && service ? wrongBehaviour(behaviour, service) : undefined;
  if (wrong !== undefined)
    canary.problem("behaviour", wrong, 'write one such as "errors=5%" or "slow=50ms@GetProduct"');
  const read = SOURCES.flatMap((source) => {
    const text = canary.optionalText(source, { pattern: /\S/, wanted: `the canary's ${source}` });
    return text === undefined ? [] : [[source, text] as const];
  });
  if (read.length > 1) {
    const names = read.map(([source]) => source).join(" and ");
    canary.problem("", `it has ${names}`, "write one of them: the canary's code comes from one place");
  }
  return { version, ...(behaviour !== undefined && { behaviour }), ...Object.fromEntries(read) };
}

/** What is wrong with a behaviour, by itself or for the service. */
function wrongBehaviour(text: string, service: KnownService): string | undefined {
  try {
    return misfit(parseBehaviour(text), service);
  } catch (error) {
    if (error instanceof InvalidBehaviour) return error.why;
    throw error;
  }
}
