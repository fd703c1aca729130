/** Whether a service can behave as it is told to. Pure: it only compares names. */
import type { Behaviour } from "./catalogue.ts";

/** What a service has that behaviours can name. */
export interface Behaving {
  readonly name: string;
  /** Names of its RPCs. */
  readonly methods: readonly string[];
  /** Names of the bugs in its service.yaml. */
  readonly bugs: readonly string[];
}

/** Why the behaviour is none for the service; undefined when it is one. */
export function misfit(behaviour: Behaviour, { name, methods, bugs }: Behaving): string | undefined {
  const unknown = behaviour.methods.find((method) => !methods.includes(method));
  if (unknown !== undefined) return `${name} has no method ${unknown}, it has ${methods.join(", ")}`;
  if (behaviour.name !== "business-bug" || bugs.includes(behaviour.bug)) return undefined;
  return `${name} has no bug ${behaviour.bug}, its service.yaml names ${bugs.join(", ") || "none"}`;
}
