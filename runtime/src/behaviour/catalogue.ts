/** The bad behaviours that a version can be given on demand, and how they are written. Pure: it reads text and does nothing. */
import { count, duration, name, type Part, share, size, word } from "./parts.ts";

/** As gRPC spells its codes; OK is none that could be injected. */
const STATUSES = [
  ...["CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"],
  ...["PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"],
  ...["INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"],
] as const;

const MOST_MS = 60_000;
const MOST_MEGABYTES = 1_000;

/** Every behaviour: what it does, its values in the order in which they are written, and whether it can be kept to some methods. */
const CATALOGUE = {
  good: { about: "does nothing, as a version that is as good as the other", parts: {} },
  errors: {
    about: "answers a share of calls with a status",
    parts: { share: share("20%"), status: word("INTERNAL", STATUSES) },
    isOfMethods: true,
  },
  slow: { about: "answers every call later", parts: { delayMs: duration("50ms", MOST_MS) }, isOfMethods: true },
  "slow-tail": {
    about: "answers a share of calls later, so that the median stays as it was",
    parts: { share: share("5%"), delayMs: duration("300ms", MOST_MS) },
    isOfMethods: true,
  },
  leak: {
    about: "keeps so much more memory with every minute, until a bound",
    parts: { bytesPerMinute: size("60MB", MOST_MEGABYTES), mostBytes: size("200MB", MOST_MEGABYTES) },
  },
  "slow-start": {
    about: "is ready later, and answers its first calls later",
    parts: { readyMs: duration("5s", MOST_MS), delayMs: duration("300ms", MOST_MS), calls: count("100", 1, 10_000) },
  },
  "retry-amplifier": {
    about: "makes each call to another service that changes nothing so many times",
    parts: { times: count("5", 2, 50) },
  },
  "bad-event": {
    about: "publishes a share of its events so that nobody can decode them",
    parts: { share: share("100%") },
  },
  "double-publish": {
    about: "publishes a share of its events a second time, with another id and a wrong amount",
    parts: { share: share("100%") },
  },
  "business-bug": {
    about: "does a share of its work wrongly and answers OK: one of the bugs that the service's service.yaml names",
    parts: { bug: name("bug-name"), share: share("50%") },
  },
} as const satisfies Record<string, Entry>;

interface Entry {
  readonly about: string;
  readonly parts: Readonly<Record<string, Part<unknown>>>;
  readonly isOfMethods?: boolean;
}

type Catalogue = typeof CATALOGUE;
export type BehaviourName = keyof Catalogue;
type ValuesOf<Parts> = { readonly [K in keyof Parts]: Parts[K] extends Part<infer T> ? T : never };

/** A behaviour with its values. */
export type BehaviourOf<Name extends BehaviourName> = ValuesOf<Catalogue[Name]["parts"]> & {
  readonly name: Name;
  /** Names of RPCs that it is kept to; none for all. */
  readonly methods: readonly string[];
  /** As it was written. */
  readonly text: string;
};
export type Behaviour = { [Name in BehaviourName]: BehaviourOf<Name> }[BehaviourName];

/** A text that means no behaviour; the message says what is wrong and what would be right. */
export class InvalidBehaviour extends Error {
  readonly why: string;

  constructor(text: string, why: string) {
    super(`Cannot take the behaviour "${text}": ${why}`);
    this.why = why;
  }
}

/** How a behaviour is written, and what it does. */
export interface Described {
  readonly syntax: string;
  readonly about: string;
}

/** The whole catalogue, for help texts and documents. */
export function describeCatalogue(): Described[] {
  return Object.entries<Entry>(CATALOGUE).map(([name, { about, parts, isOfMethods }]) => {
    const values = Object.values(parts).map(({ example }) => example);
    const syntax = [name, values.length > 0 ? `=${values.join(":")}` : "", isOfMethods ? "[@Method,…]" : ""].join("");
    return { syntax, about };
  });
}

/**
 * Reads "errors", "errors=20%", "errors=20%:UNAVAILABLE" or "errors=20%@GetProduct,ListProducts": values from the left, the others
 * as the catalogue has them. Throws InvalidBehaviour.
 */
export function parseBehaviour(text: string): Behaviour {
  const refuse = (why: string) => new InvalidBehaviour(text, why);
  const [, name = "", values, methods] = /^([^=@]*)(?:=([^@]*))?(?:@(.*))?$/s.exec(text) ?? [];
  if (!isName(name)) throw refuse(`there is no "${name}", there are ${Object.keys(CATALOGUE).join(", ")}`);
  const { parts, isOfMethods }: Entry = CATALOGUE[name];
  const known = Object.entries(parts);
  const given = values === undefined ? [] : values.split(":");
  if (given.length > known.length) {
    throw refuse(known.length === 0 ? `${name} takes no value` : `${name} takes ${known.length} values at most`);
  }
  const read = known.map(([key, part], index) => {
    const value = given[index] === undefined ? part.fallback : part.read(given[index]);
    if (value === undefined) throw refuse(`"${given[index]}" must be ${part.expected}`);
    return [key, value];
  });
  const names = methods?.split(",") ?? [];
  if (names.length > 0 && !isOfMethods) throw refuse(`${name} cannot be kept to methods`);
  const wrong = names.find((method) => !/^[A-Z]\w*$/.test(method));
  if (wrong !== undefined) throw refuse(`"${wrong}" is no name of a method such as GetProduct`);
  // Each key was read by the part of the same key.
  return { name, methods: names, text, ...Object.fromEntries(read) } as Behaviour;
}

function isName(text: string): text is BehaviourName {
  return Object.hasOwn(CATALOGUE, text);
}
