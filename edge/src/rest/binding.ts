/** A route of google.api.http: one HTTP method and path that an RPC answers. */
import { METHODS } from "node:http";
import { type DescField, type DescMessage, getOption } from "@bufbuild/protobuf";
import { http } from "@row/gen/es/google/api/annotations_pb.ts";
import type { HttpRule } from "@row/gen/es/google/api/http_pb.ts";
import type { MethodContract } from "@row/runtime/contract.ts";
import { hasOwnJsonForm } from "./json/form.ts";
import { parsePathTemplate } from "./path-template.ts";
import { type BoundVariable, bindVariable } from "./path-values.ts";
import { takesRequestId } from "./request-id.ts";

/** The kind of a custom rule that answers every method. */
export const ANY_METHOD = "*";

/** What of the request the body is: all that the path does not give, one field, or nothing. */
export type Body = "all" | "none" | DescField;

export interface Binding {
  readonly contract: MethodContract;
  /** "GET", or "*" for any. */
  readonly httpMethod: string;
  /** The template as the contract has it. */
  readonly path: string;
  readonly variables: readonly BoundVariable[];
  readonly body: Body;
  /** Whether JSON has the request as one value, not as an object of its fields. */
  readonly isOneValue: boolean;
  /** The one field of the response that is answered; the whole response without it. */
  readonly responseBody: DescField | undefined;
  /** Top-level fields that the query may not give. */
  readonly taken: ReadonlySet<DescField>;
  readonly takesRequestId: boolean;
  /** The position among the rules of the RPC: 0, and from 1 the additional bindings. */
  readonly index: number;
}

/** The bindings of an RPC, additional ones included; none when it has no google.api.http. Throws for a rule that does not fit. */
export function bindingsOf(contract: MethodContract): Binding[] {
  const rule = getOption(contract.descriptor, http);
  if (rule.pattern.case === undefined) return [];
  return bindingsOfRule(contract, rule);
}

/** The bindings of a rule. */
export function bindingsOfRule(contract: MethodContract, rule: HttpRule): Binding[] {
  return [rule, ...rule.additionalBindings].map((one, index) => bind(contract, one, index));
}

function bind(contract: MethodContract, rule: HttpRule, index: number): Binding {
  const { input, output } = contract.descriptor;
  const { httpMethod, path } = patternOf(rule);
  const variables = parsePathTemplate(path).variables.map((variable) => bindVariable(input, variable));
  const body = rule.body === "*" ? "all" : rule.body === "" ? "none" : fieldOf(input, rule.body);
  const isOneValue = hasOwnJsonForm(input);
  if (isOneValue && (body !== "all" || variables.length > 0)) {
    throw new Error(
      `Cannot bind ${httpMethod} ${path}: ${input.typeName} has no fields in JSON, it must be the body "*"`,
    );
  }
  const responseBody = rule.responseBody === "" ? undefined : fieldOf(output, rule.responseBody);
  const taken = new Set(variables.flatMap(({ fields }) => (fields.length === 1 ? fields[0] : [])));
  if (typeof body === "object") taken.add(body);
  const idIsFree = !variables.some(({ leaf }) => leaf.name === "request_id");
  return {
    contract,
    httpMethod,
    path,
    variables,
    body,
    isOneValue,
    responseBody,
    taken,
    takesRequestId: idIsFree && takesRequestId(input),
    index,
  };
}

function patternOf(rule: HttpRule): { httpMethod: string; path: string } {
  const { pattern } = rule;
  if (pattern.case === undefined) throw new Error("Cannot bind a rule of google.api.http: it has no path");
  if (pattern.case === "custom") return { httpMethod: customMethod(pattern.value.kind), path: pattern.value.path };
  return { httpMethod: pattern.case.toUpperCase(), path: pattern.value };
}

/** `*` is any method. One that Node's parser does not know, or handles apart, would never match. */
function customMethod(kind: string): string {
  if (kind === ANY_METHOD || (kind !== "CONNECT" && METHODS.includes(kind))) return kind;
  throw new Error(
    `Cannot bind the method "${kind}": no HTTP request arrives with it; there are *, ${METHODS.join(", ")}`,
  );
}

function fieldOf(descriptor: DescMessage, name: string): DescField {
  const field = descriptor.fields.find((candidate) => candidate.name === name);
  if (!field) throw new Error(`Cannot bind the body "${name}": ${descriptor.typeName} has no such field`);
  return field;
}
