/**
 * An error travels in the trailers of its call. Clients of gRPC's C core may refuse more than 8 KiB there, and none takes more
 * than 16; on far more grpc-js ends the whole connection, with every other call on it.
 */
import type { FieldViolation } from "../domain-error.ts";

/** Code points; each may take twelve bytes on the wire. */
const LONGEST_MESSAGE = 300;
const LONGEST_TEXT = 200;
const MOST_VIOLATIONS = 20;
/** Characters of all violations together. */
const ROOM_FOR_VIOLATIONS = 1_500;

/** The message, cut where it is long. What no client could decode is replaced. */
export function fittingMessage(message: string): string {
  return cut(message, LONGEST_MESSAGE);
}

/** The first violations, as many as fit; the last says how many there are besides. */
export function fittingViolations(violations: readonly FieldViolation[]): FieldViolation[] {
  const kept: FieldViolation[] = [];
  let room = ROOM_FOR_VIOLATIONS;
  for (const violation of violations) {
    const field = cut(violation.field, LONGEST_TEXT);
    const description = cut(violation.description, LONGEST_TEXT);
    room -= field.length + description.length;
    if (kept.length === MOST_VIOLATIONS || room < 0) break;
    kept.push({ field, description });
  }
  const more = violations.length - kept.length;
  const last = kept.pop();
  if (!last) return kept;
  return [...kept, more > 0 ? { ...last, description: `${last.description}; ${more} more are wrong` } : last];
}

function cut(text: string, longest: number): string {
  const whole = text.toWellFormed();
  if (whole.length <= longest) return whole;
  const points = [...whole.slice(0, 2 * longest + 2)];
  return points.length <= longest ? whole : `${points.slice(0, longest - 1).join("")}…`;
}
