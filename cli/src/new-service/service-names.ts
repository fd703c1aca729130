/** The names that a new service goes by, and which a service may have. Pure: it looks at no files. */
import { RowError } from "@row/topology/row-error.ts";

/** A service's name, and what it keeps as each language writes it. */
export interface ServiceNames {
  /** "wishes": the folder, the package, the database, the path. */
  readonly name: string;
  /** "gift-card", in file names and for the audit trail. */
  readonly file: string;
  /** "gift_card", in contracts. */
  readonly field: string;
  /** "giftCard" */
  readonly property: string;
  /** "GiftCard" */
  readonly Resource: string;
  /** "GIFT_CARD" */
  readonly REASON: string;
  /** "gift card" */
  readonly words: string;
}

/** One word, as a package's name is. Databases, DNS names and TypeScript take it as it is. */
const NAME = /^[a-z][a-z0-9]{1,19}$/;
const RESOURCE = /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/;
const LONGEST_RESOURCE = 30;

/** Processes, databases and callers that are no services. */
const TAKEN = ["postgres", "template0", "template1", "nats", "redis", "haproxy", "observer", "toolbox", "row"];
const COLUMNS = ["others", "nobody"];

/** Throws RowError for names that no service can have. */
export function serviceNames(name: string, resource: string): ServiceNames {
  if (!NAME.test(name))
    throw new RowError(`Cannot call a service "${name}": a name is one word of 2 to 20 lower-case letters and digits`);
  if (TAKEN.includes(name) || COLUMNS.includes(name))
    throw new RowError(`Cannot call a service "${name}": the shop uses this name for something else`);
  if (!RESOURCE.test(resource) || resource.length > LONGEST_RESOURCE)
    throw new RowError(
      `Cannot call what ${name} keeps "${resource}": write one in lower case, such as gift-card, in at most ${LONGEST_RESOURCE} characters`,
    );
  const words = resource.split("-");
  const Resource = words.map(capitalized).join("");
  return {
    ...{ name, file: resource, field: words.join("_"), words: words.join(" ") },
    ...{ property: `${words[0]}${words.slice(1).map(capitalized).join("")}`, Resource },
    REASON: words.join("_").toUpperCase(),
  };
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
