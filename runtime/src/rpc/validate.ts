/** Validation from the contract: the buf.validate rules of the request message. */
import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { registry } from "../contract.ts";
import { DomainError, type FieldViolation } from "../domain-error.ts";
import { nulCharacters } from "./nul-characters.ts";
import { isPlain } from "./plain-bytes.ts";
import { spellUuids } from "./uuid-fields.ts";

/** The rules' own regular expressions come from our contracts and are linear; V8's engine is much faster than RE2's. */
const validator = createValidator({ registry, regexMatch: (pattern, against) => regExp(pattern).test(against) });

const regExps = new Map<string, RegExp>();

function regExp(pattern: string): RegExp {
  const known = regExps.get(pattern) ?? new RegExp(pattern, "u");
  regExps.set(pattern, known);
  return known;
}

/**
 * Checks an encoded message against the rules of its contract, and returns the bytes that hold exactly what was checked, with
 * its UUIDs in lower case: most often the given ones. Throws a DomainError that names every bad field.
 */
export function validateBytes(descriptor: DescMessage, bytes: Uint8Array): Buffer {
  const message = read("request", descriptor, bytes);
  // Few requests hold a zero byte at all.
  const unstorable = bytes.includes(0) ? nulCharacters(descriptor, message) : [];
  if (unstorable.length > 0) throw invalidRequest(unstorable);
  const result = validator.validate(descriptor, message);
  if (result.kind === "error") throw result.error;
  if (result.kind === "invalid") throw invalidRequest(result.violations.map(toFieldViolation));
  return isPlain(descriptor, bytes) ? asBuffer(bytes) : rewritten(descriptor, message);
}

const required = new Map<DescMessage, ReadonlySet<string>>();

/** The fields without which a message is refused, by name: also those whose rules leave out the default. */
export function requiredFields(descriptor: DescMessage): ReadonlySet<string> {
  const known = required.get(descriptor);
  if (known) return known;
  const { kind, violations = [] } = validator.validate(descriptor, create(descriptor));
  const names = violations.flatMap(({ field: [first] }) => (first?.kind === "field" ? [first.name] : []));
  const found = new Set(kind === "invalid" ? names : []);
  required.set(descriptor, found);
  return found;
}

/** The bytes of an event as every decoder reads them alike, with its UUIDs in lower case. Throws a DomainError. */
export function plainBytes(descriptor: DescMessage, bytes: Uint8Array): Buffer {
  const message = read("event", descriptor, bytes);
  return isPlain(descriptor, bytes) ? asBuffer(bytes) : rewritten(descriptor, message);
}

function read(what: "request" | "event", descriptor: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(descriptor, bytes);
  } catch {
    throw new DomainError("invalid", "MALFORMED_MESSAGE", `Cannot read the ${what}: it is no ${descriptor.typeName}`);
  }
}

function rewritten(descriptor: DescMessage, message: Message): Buffer {
  spellUuids(descriptor, message);
  return asBuffer(toBinary(descriptor, message, { writeUnknownFields: false }));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function invalidRequest(fields: readonly FieldViolation[]): DomainError {
  const first = fields.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new DomainError("invalid", "INVALID_REQUEST", first, { violations: fields });
}

function toFieldViolation(violation: Violation): FieldViolation {
  const field = violation.field
    .map((part) => {
      if (part.kind === "field") return `.${part.name}`;
      if (part.kind === "list_sub") return `[${part.index}]`;
      return "";
    })
    .join("")
    .replace(/^\./, "");
  return { field, description: violation.message };
}
