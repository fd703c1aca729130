/** How the values of a behaviour are written: "20%", "50ms", "60MB". Pure: it reads text and does nothing. */

/** A value of a behaviour. */
export interface Part<T> {
  readonly fallback: T;
  /** "1%", as an example in messages and help. */
  readonly example: string;
  /** Undefined for what it cannot be. */
  read(text: string): T | undefined;
  /** What it has to be: "a share above 0% and up to 100%". */
  readonly expected: string;
}

/** A share of calls or events. */
export function share(example: string): Part<number> {
  return part(example, "a share above 0% and up to 100%, such as 20%", (text) => {
    const percent = numberBefore("%", text);
    return percent !== undefined && percent > 0 && percent <= 100 ? percent / 100 : undefined;
  });
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** A duration in milliseconds. */
export function duration(example: string, mostMs: number): Part<number> {
  return part(example, `a duration up to ${mostMs / 1_000}s, such as 50ms or 2s`, (text) => {
    const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
    const ms = Number(number) * (UNITS_MS[unit] ?? Number.NaN);
    return ms > 0 && ms <= mostMs ? ms : undefined;
  });
}

/** A size in bytes. */
export function size(example: string, mostMegabytes: number): Part<number> {
  return part(example, `a size up to ${mostMegabytes}MB, such as 60MB`, (text) => {
    const megabytes = numberBefore("MB", text);
    return megabytes !== undefined && megabytes > 0 && megabytes <= mostMegabytes ? megabytes * 1e6 : undefined;
  });
}

/** A whole number between two bounds. */
export function count(example: string, least: number, most: number): Part<number> {
  return part(example, `a whole number from ${least} to ${most}`, (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return number >= least && number <= most ? number : undefined;
  });
}

/** One of a few words. */
export function word<const W extends string>(example: W, words: readonly W[]): Part<W> {
  return part(example, `one of ${words.join(", ")}`, (text) => words.find((one) => one === text));
}

/** A name in lower case, which the service has to know. */
export function name(example: string): Part<string> {
  return part(example, `a name such as ${example}`, (text) => (/^[a-z][a-z0-9-]{0,40}$/.test(text) ? text : undefined));
}

function part<T>(example: string, expected: string, read: (text: string) => T | undefined): Part<T> {
  const fallback = read(example);
  if (fallback === undefined) throw new Error(`The example "${example}" is not ${expected}`);
  return { fallback, example, read, expected };
}

function numberBefore(unit: string, text: string): number | undefined {
  const number = text.endsWith(unit) ? text.slice(0, -unit.length) : "";
  return /^\d+(\.\d+)?$/.test(number) ? Number(number) : undefined;
}
