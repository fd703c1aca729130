/** One spelling of UUIDs: hexadecimal digits count the same in capitals (RFC 9562, section 4), and ids are compared as text. */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const CAPITAL = /[A-F]/;

/** The text in lower case when it is a UUID; any other as it is. */
export function uuidInLowerCase(text: string): string {
  return text.length === 36 && CAPITAL.test(text) && UUID.test(text) ? text.toLowerCase() : text;
}
