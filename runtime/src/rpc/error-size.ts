/**
 * An error travels in the trailers of its call, and takes at most 4 KiB of them, encoded. From 6 KB on clients of gRPC's C core may
 * lose it (they answer RESOURCE_EXHAUSTED instead), above 16 KiB nobody gets it through a mesh, and on far more grpc-js ends the
 * whole connection, with every other call on it.
 */
import type { FieldViolation } from "../domain-error.ts";

/** Code points of one text. */
const LONGEST_MESSAGE = 300;
const LONGEST_TEXT = 200;
/** Bytes on the wire, where the message is percent-encoded and everything else is base64. */
const ROOM_FOR_MESSAGE = 900;
/** Bytes of UTF-8. */
const ROOM_FOR_FIELD = 250;
const ROOM_FOR_DESCRIPTION = 850;
const ROOM_FOR_VIOLATIONS = 1_100;
const ROOM_FOR_FACTS = 400;
/** What protobuf adds to a pair of texts, about. */
const BYTES_AROUND = 8;
const MOST_VIOLATIONS = 20;

type Size = (text: string) => number;

const encodedSize: Size = (text) => encodeURI(text).length;
const utf8Size: Size = (text) => Buffer.byteLength(text);

/** The message, cut where it is long. What no client could decode is replaced. */
export function fittingMessage(message: string): string {
  return cut(message, LONGEST_MESSAGE, ROOM_FOR_MESSAGE, encodedSize);
}

/** The first violations, as many as fit; the last says how many there are besides. */
export function fittingViolations(violations: readonly FieldViolation[]): FieldViolation[] {
  const kept: FieldViolation[] = [];
  let room = ROOM_FOR_VIOLATIONS;
  for (const violation of violations) {
    const field = cut(violation.field, LONGEST_TEXT, ROOM_FOR_FIELD, utf8Size);
    const description = cut(violation.description, LONGEST_TEXT, ROOM_FOR_DESCRIPTION, utf8Size);
    room -= utf8Size(field) + utf8Size(description);
    if (kept.length === MOST_VIOLATIONS || room < 0) break;
    kept.push({ field, description });
  }
  const more = violations.length - kept.length;
  const last = kept.pop();
  if (!last) return kept;
  return [...kept, more > 0 ? { ...last, description: `${last.description}; ${more} more are wrong` } : last];
}

/** The facts that fit, in their order; one that does not is left out whole. */
export function fittingFacts(facts: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  let room = ROOM_FOR_FACTS;
  for (const [name, value] of Object.entries(facts)) {
    const size = utf8Size(name) + utf8Size(value) + BYTES_AROUND;
    if (size > room) continue;
    room -= size;
    kept[name.toWellFormed()] = value.toWellFormed();
  }
  return kept;
}

/** At most so many code points, which take at most so much room. */
function cut(text: string, longest: number, room: number, sizeOf: Size): string {
  const whole = text.toWellFormed();
  if (whole.length <= longest && sizeOf(whole) <= room) return whole;
  const points = [...whole.slice(0, 2 * longest + 2)];
  if (points.length <= longest && sizeOf(whole) <= room) return whole;
  let left = room - sizeOf("…");
  const kept: string[] = [];
  for (const point of points.slice(0, longest - 1)) {
    left -= sizeOf(point);
    if (left < 0) break;
    kept.push(point);
  }
  return `${kept.join("")}…`;
}
