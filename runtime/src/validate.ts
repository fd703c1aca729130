/** Validation from the contract: the buf.validate rules of the request message. */
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { registry } from "./contract.ts";
import { DomainError, type FieldViolation } from "./errors.ts";
import { nulCharacters } from "./nul-characters.ts";

/** The rules' own regular expressions come from our contracts and are linear; V8's engine is much faster than RE2's. */
const validator = createValidator({ registry, regexMatch: (pattern, against) => regExp(pattern).test(against) });

const regExps = new Map<string, RegExp>();

function regExp(pattern: string): RegExp {
  const known = regExps.get(pattern) ?? new RegExp(pattern, "u");
  regExps.set(pattern, known);
  return known;
}

/** Checks an encoded message against the rules of its contract; throws a DomainError that names every bad field. */
export function validateBytes(descriptor: DescMessage, bytes: Uint8Array): void {
  let message: ReturnType<typeof fromBinary>;
  try {
    message = fromBinary(descriptor, bytes);
  } catch {
    throw new DomainError("invalid", "MALFORMED_MESSAGE", `Cannot read the request: it is no ${descriptor.typeName}`);
  }
  // Few requests hold a zero byte at all.
  const unstorable = bytes.includes(0) ? nulCharacters(descriptor, message) : [];
  if (unstorable.length > 0) throw invalidRequest(unstorable);
  const result = validator.validate(descriptor, message);
  if (result.kind === "valid") return;
  if (result.kind === "error") throw result.error;
  throw invalidRequest(result.violations.map(toFieldViolation));
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
