/** What is published of an event into which something was injected when it was written. */
import { createHash } from "node:crypto";
import type { JsonValue } from "@bufbuild/protobuf";

/** What one row of the outbox is published as. */
export interface Publication {
  readonly id: string;
  /** proto3 JSON; undefined for what nobody can decode. */
  readonly payload: JsonValue | undefined;
}

/** No message of any type: a tag that is cut off. */
export const UNDECODABLE = Uint8Array.of(0xff);

/** @param injected as the row has it, "payments/v2:double-publish"; empty for an event that is published as it is */
export function publicationsOf(id: string, payload: JsonValue, injected: string): Publication[] {
  if (injected.endsWith(":bad-event")) return [{ id, payload: undefined }];
  const asIs = { id, payload };
  // The same second id whenever the row is published again.
  if (injected.endsWith(":double-publish")) return [asIs, { id: anotherId(id), payload: withWrongAmount(payload) }];
  return [asIs];
}

/** Adds one unit to the first amount of money in it; the same where there is none. */
function withWrongAmount(payload: JsonValue): JsonValue {
  let isFound = false;
  const change = (value: JsonValue): JsonValue => {
    if (isFound || typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(change);
    if (typeof value.currencyCode === "string") {
      isFound = true;
      return { ...value, units: String(BigInt(String(value.units ?? "0")) + 1n) };
    }
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one)]));
  };
  return change(payload);
}

/** A UUID of version 8 (RFC 9562, section 5.8) that follows from another. */
function anotherId(id: string): string {
  const hex = createHash("sha256").update(`${id} again`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}
