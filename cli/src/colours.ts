/** Colours for what is well, what is not and what matters less; none where there is no terminal, or NO_COLOR is set. */
import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

const paint = (format: Format) => (text: string) => (text === "" ? "" : styleText(format, text));

export const good = paint("green");
export const warning = paint("yellow");
export const bad = paint("red");
export const lesser = paint("dim");
export const heading = paint("bold");

const VERSIONS = ["cyan", "magenta", "blue", "yellow"] as const;

/** A name that ends in a version, such as "catalog-v2" or "v2": each version has a colour of its own. */
export function versioned(name: string): string {
  const [, number] = /(?:^|-)v(\d+)(?:-\d+)?$/.exec(name) ?? [];
  const colour = number === undefined ? undefined : VERSIONS[(Number(number) - 1) % VERSIONS.length];
  return colour === undefined ? name : styleText(colour, name);
}
