/** Configuration from the environment: parsed once, with one error that lists every bad variable. */

/** Reads one variable; throws an Error whose message says what is wrong with the value. */
export interface Variable<T> {
  readonly name: string;
  readonly fallback: T | undefined;
  parse(value: string): T;
}

function variable<T>(name: string, parse: (value: string) => T, fallback?: T): Variable<T> {
  return { name, fallback, parse };
}

/** A string that is not empty. */
export function text(name: string, fallback?: string): Variable<string> {
  return variable(name, (value) => value, fallback);
}

/** A whole number between two bounds. */
export function integer(name: string, bounds: { min: number; max: number }, fallback?: number): Variable<number> {
  return variable(
    name,
    (value) => {
      const number = Number(value);
      if (!Number.isInteger(number) || number < bounds.min || number > bounds.max) {
        throw new Error(`must be a whole number from ${bounds.min} to ${bounds.max}`);
      }
      return number;
    },
    fallback,
  );
}

/** One of a few words. */
export function oneOf<const W extends string>(name: string, words: readonly W[], fallback?: W): Variable<W> {
  return variable(
    name,
    (value) => {
      const word = words.find((candidate) => candidate === value);
      if (!word) throw new Error(`must be one of ${words.join(", ")}`);
      return word;
    },
    fallback,
  );
}

/** A URL with one of the given schemes. */
export function url(name: string, schemes: readonly string[], fallback?: string): Variable<string> {
  return variable(
    name,
    (value) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      if (!parsed || !schemes.includes(parsed.protocol.slice(0, -1))) {
        throw new Error(`must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`);
      }
      return value;
    },
    fallback,
  );
}

/** Where a server listens or is reached: "host:port" or "unix:/path". */
export function address(name: string, fallback?: string): Variable<string> {
  return variable(
    name,
    (value) => {
      if (!/^(unix:\/.+|[^:\s]+:\d{1,5})$/.test(value)) throw new Error("must be host:port or unix:/path");
      return value;
    },
    fallback,
  );
}

/** A variable that may be missing. */
export function optional<T>(inner: Variable<T>): Variable<T | undefined> {
  return { name: inner.name, fallback: undefined, parse: inner.parse, [OPTIONAL]: true } as Variable<T | undefined>;
}
const OPTIONAL = Symbol("optional");

/** Thrown when variables are missing or wrong; the message lists each. */
export class ConfigError extends Error {}

/** Parses the variables; an empty value counts as missing. Throws one ConfigError that lists every bad one. */
export function parseEnv<S extends Record<string, Variable<unknown>>>(
  spec: S,
  env: NodeJS.ProcessEnv = process.env,
): { readonly [K in keyof S]: S[K] extends Variable<infer T> ? T : never } {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(spec)) {
    const value = env[entry.name];
    if (value === undefined || value === "") {
      if (entry.fallback === undefined && !(OPTIONAL in entry)) problems.push(`${entry.name} is missing`);
      config[key] = entry.fallback;
      continue;
    }
    try {
      config[key] = entry.parse(value);
    } catch (error) {
      problems.push(`${entry.name} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(`Cannot start: ${problems.join("; ")}`);
  // Each key was filled from the variable of the same key.
  return config as { readonly [K in keyof S]: S[K] extends Variable<infer T> ? T : never };
}
