/** Content types as Connect 2.2 recognises them: it compares with fixed texts. */

const UTF_8 = /^charset=("?)utf-?8\1$/i;

/** Leaves out a charset of UTF-8, however it is written: quoted and unquoted are the same (RFC 9110 §8.3.1), and so is none. */
export function plainContentType(header: Headers): void {
  const given = header.get("content-type");
  if (!given?.includes(";")) return;
  const [type = "", ...parameters] = given.split(";").map((part) => part.trim());
  const others = parameters.filter((parameter) => parameter !== "" && !UTF_8.test(parameter));
  header.set("content-type", [type, ...others].join("; "));
}
