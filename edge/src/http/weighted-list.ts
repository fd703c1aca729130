/** Headers that list what a client takes and how much it likes each, as Accept and Accept-Encoding do (RFC 9110 §12.4.2). */
export interface Entry {
  /** "text/event-stream", "br" or "*", in lower case and without parameters. */
  readonly name: string;
  /** From 0, which refuses it, to 1. */
  readonly weight: number;
  /** Where it stands in the list. */
  readonly position: number;
}

/** Reads "gzip;q=0.5, br". A weight that is none counts as 1. */
export function weightedList(header: string): Entry[] {
  return header
    .toLowerCase()
    .split(",")
    .map((entry, position) => {
      const [name = "", ...parameters] = entry.split(";").map((part) => part.trim());
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice("q=".length) ?? "";
      return { name, weight: /^[01](\.\d{0,3})?$/.test(weight) ? Math.min(1, Number(weight)) : 1, position };
    });
}

/** The entry of the first of these names that the list has; name the most specific first. */
export function entryFor(list: readonly Entry[], ...names: readonly string[]): Entry | undefined {
  for (const name of names) {
    const entry = list.find((candidate) => candidate.name === name);
    if (entry) return entry;
  }
  return undefined;
}
