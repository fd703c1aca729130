/** Entity tags: weak ones, since compressed or not an answer says the same. */
import { hash } from "node:crypto";

export function entityTag(text: string): string {
  return `W/"${hash("sha1", text, "base64url")}"`;
}

/** Whether If-None-Match names the tag; it compares weakly (RFC 9110 §13.1.2). */
export function namesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  const bare = etag.slice(2);
  return ifNoneMatch.split(",").some((one) => one.trim().replace(/^W\//, "") === bare);
}
