/** W3C Baggage: what a person says of a request that each further hop must know, such as the version that they want to see. */

/**
 * The entries that travel; all others end at the first hop. Each travels twice: in "baggage" as the standard has it, and in a
 * header of its own, because a route matches the whole value of a header.
 */
const TRAVELLING: readonly Entry[] = [{ key: "preview", header: "x-preview" }];

interface Entry {
  readonly key: string;
  readonly header: string;
}

/** The headers in which entries may come, for lists of allowed headers. */
export const BAGGAGE_HEADERS: readonly string[] = ["baggage", ...TRAVELLING.map(({ header }) => header)];

/** Harmless in headers, rows and logs. */
const VALUE = /^[\w.-]{1,64}$/;
/** The length up to which the W3C recommendation asks for propagation ("Limits"); a longer header is not read. */
const MOST_CHARACTERS = 8_192;

/**
 * What travels on of a request's headers, as a "baggage" header has it ("preview=v2"); empty for nothing. A header of an entry's
 * own counts more than "baggage". What is not on the list or malformed is left out: it is no reason to refuse a request.
 */
export function acceptBaggage(headerOf: (name: string) => string | null | undefined): string {
  const stated = headerOf("baggage");
  let accepted = "";
  for (const { key, header } of TRAVELLING) {
    const value = headerOf(header) || (stated ? entryOf(key, stated) : undefined);
    if (value && VALUE.test(value)) accepted += `${accepted && ","}${key}=${value}`;
  }
  return accepted;
}

/** The headers that carry what `acceptBaggage` answered to the next hop. */
export function baggageHeaders(baggage: string | undefined): readonly (readonly [name: string, value: string])[] {
  if (!baggage) return [];
  const own = TRAVELLING.flatMap(({ key, header }) => {
    const value = entryOf(key, baggage);
    return value === undefined ? [] : [[header, value] as const];
  });
  return [["baggage", baggage], ...own];
}

function entryOf(key: string, baggage: string): string | undefined {
  if (baggage.length > MOST_CHARACTERS) return undefined;
  for (const member of baggage.split(",")) {
    const [entry = ""] = member.split(";", 1); // what follows are properties, which nothing here has a use for
    const separator = entry.indexOf("=");
    if (separator > 0 && entry.slice(0, separator).trim() === key) return decoded(entry.slice(separator + 1).trim());
  }
  return undefined;
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
