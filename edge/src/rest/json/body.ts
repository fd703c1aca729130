/** Reads a JSON body, and refuses what is no JSON with the place where it goes wrong. */
import { isUtf8 } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { DomainError } from "@row/runtime/domain-error.ts";
import { jsonErrorPosition } from "./error-position.ts";

/** How deep arrays and objects may stand in one another. */
export const MAX_JSON_DEPTH = 64;

class MalformedBody extends DomainError {
  constructor(why: string) {
    super("invalid", "MALFORMED_BODY", `Cannot read the body: ${why}`);
  }
}

/** Parses a body; throws a DomainError for bad UTF-8, bad JSON and JSON that is nested too deep. */
export function parseJsonBody(body: Buffer): JsonValue {
  if (!isUtf8(body)) throw new MalformedBody("it is not valid UTF-8");
  // A shorter body has no room for that many brackets.
  if (body.length > MAX_JSON_DEPTH && depthOf(body) > MAX_JSON_DEPTH) {
    throw new MalformedBody(`its JSON is nested deeper than ${MAX_JSON_DEPTH}`);
  }
  // RFC 8259 §8.1 lets a reader ignore a byte order mark.
  const text = body.toString("utf8").replace(/^\ufeff/, "");
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedBody(`it is no JSON ${placeOf(text)}`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function depthOf(body: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let i = 0; i < body.length; i += 1) {
    const byte = body[i];
    if (isInString) {
      if (byte === BACKSLASH) i += 1;
      else if (byte === QUOTE) isInString = false;
    } else if (byte === QUOTE) isInString = true;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth -= 1;
  }
  return deepest;
}

/** The text itself may be secret and stays out. */
function placeOf(text: string): string {
  const position = jsonErrorPosition(text);
  if (position >= text.length) return "because it ends too early";
  const before = text.slice(0, position).split("\n");
  return `at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1} (position ${position})`;
}
