/** One section of haproxy.cfg, and how values are written into it. */

/** A line below the section's name; "" separates paragraphs, "# …" is a comment. */
export type Line = string;

/** `name` is "frontend out:catalog"; `about` says in a sentence what it is for. */
export function section(about: string, name: string, lines: readonly Line[]): string {
  const body = lines.map((line) => (line === "" ? "" : `  ${line}`));
  return [`# ${about}`, name, ...body]
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd();
}

/** A word of the configuration, whatever is in it: single quotes keep everything as it is. */
export function quoted(value: string): string {
  if (/^[\w./:@+*^-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A header's value where HAProxy expects a log format. */
export function quotedFormat(value: string): string {
  return quoted(value.replaceAll("%", "%%"));
}
