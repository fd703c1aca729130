/**
 * What the contracts promise beside their shapes, of which buf says nothing: REST bindings, validation, who may call, how long a
 * call may take, and whether it may be repeated.
 */
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  getOption,
  type JsonObject,
  toJson,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import {
  FieldRulesSchema,
  field as fieldRules,
  MessageRulesSchema,
  message as messageRules,
  OneofRulesSchema,
  oneof as oneofRules,
} from "@row/gen/es/buf/validate/validate_pb.ts";
import { http } from "@row/gen/es/google/api/annotations_pb.ts";
import type { HttpRule } from "@row/gen/es/google/api/http_pb.ts";
import {
  Access,
  AccessSchema,
  CallClass,
  CallClassSchema,
  method as policy,
  Role,
  RoleSchema,
} from "@row/gen/es/shop/options/v1/method_pb.ts";
import { methodsIn } from "@row/runtime/contract.ts";
import { END_USER_CARRIERS } from "@row/runtime/names.ts";
import { ignoresLess, tighterRules } from "./tighter-rules.ts";

/** Says of every promise that is broken what it is, and for whom. */
export function brokenPromises(released: FileRegistry, current: FileRegistry): string[] {
  const broken: string[] = [];
  const [before, after] = [released, current].map(methodsIn);
  const callersOf = ({ parent, name }: DescMethod): Callers => {
    const [was, is] = [before, after].map(
      (methods) => methods?.get(`/${parent.typeName}/${name}`)?.callers ?? new Set<string>(),
    );
    return { before: [...(was ?? [])].filter((caller) => !END_USER_CARRIERS.includes(caller)), now: is ?? new Set() };
  };
  for (const service of released) {
    if (service.kind !== "service") continue;
    for (const method of service.methods) {
      const now = current.getService(service.typeName)?.methods.find(({ name }) => name === method.name);
      if (now)
        broken.push(
          ...ofMethod(method, now, callersOf(method)).map((said) => `${service.typeName}.${method.name}: ${said}`),
        );
    }
  }
  for (const message of requestMessages(released)) {
    const now = current.getMessage(message.typeName);
    if (now) broken.push(...ofMessage(message, now).map((said) => `${message.typeName}${said}`));
  }
  return broken;
}

/** From the shortest time to the longest. */
const CLASSES: readonly CallClass[] = [CallClass.FAST, CallClass.NORMAL, CallClass.SLOW, CallClass.STREAM];

/** Who may call, those left out who carry end users: these follow from the access. */
interface Callers {
  readonly before: readonly string[];
  readonly now: ReadonlySet<string>;
}

function ofMethod(before: DescMethod, now: DescMethod, callers: Callers): string[] {
  const was = getOption(before, policy);
  const is = getOption(now, policy);
  const said = [...lostUsers(was, is), ...lostBindings(before, now)];
  for (const caller of callers.before) {
    if (!callers.now.has(caller)) said.push(`the service ${caller} may not call it any more`);
  }
  if (CLASSES.indexOf(is.callClass) < CLASSES.indexOf(was.callClass)) {
    const [from, to] = [was, is].map(({ callClass }) => CallClassSchema.value[callClass]?.localName);
    said.push(`its call class is ${to}, not ${from}: callers who wait for longer calls are cut off`);
  }
  const isRepeatable = ({ idempotency }: DescMethod) => idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN;
  if (isRepeatable(before) && !isRepeatable(now))
    said.push("it may not be repeated any more: clients do, as it was idempotent");
  else if (before.idempotency === Idempotency.NO_SIDE_EFFECTS && now.idempotency !== before.idempotency) {
    said.push("it has side effects now: Connect clients that use GET get 405");
  }
  return said;
}

interface Admission {
  readonly access: Access;
  readonly roles: readonly Role[];
}

const USERS: readonly Role[] = [Role.UNSPECIFIED, Role.CUSTOMER, Role.MERCHANT, Role.ADMIN];

function lostUsers(was: Admission, is: Admission): string[] {
  const lost = USERS.filter((role) => admits(was, role) && !admits(is, role)).map(nameOf);
  return lost.length === 0
    ? []
    : [`its access is ${AccessSchema.value[is.access]?.localName}: refused now are callers who are ${lost.join(", ")}`];
}

function nameOf(role: Role): string {
  return role === Role.UNSPECIFIED ? "nobody signed in" : (RoleSchema.value[role]?.localName ?? "");
}

/** Whether a user of the role may call; role 0 stands for who is not signed in. */
function admits({ access, roles }: Admission, role: Role): boolean {
  if (access === Access.PUBLIC) return true;
  if (access === Access.SIGNED_IN) return role !== Role.UNSPECIFIED;
  return access === Access.ROLES && roles.includes(role);
}

function lostBindings(before: DescMethod, now: DescMethod): string[] {
  const current = bindings(now);
  return bindings(before)
    .filter((one) => !current.includes(one))
    .map((one) => {
      const isMoved = current.some((other) => other.split(" ", 2).join(" ") === one.split(" ", 2).join(" "));
      return isMoved
        ? `${one} is bound otherwise: REST clients send their parameters or read the answer elsewhere`
        : `${one} is gone: its REST clients get 404 or 405`;
    });
}

/** "POST /v1/orders body=*" of each rule. */
function bindings(method: DescMethod): string[] {
  const rule = getOption(method, http);
  if (rule.pattern.case === undefined) return [];
  return [rule, ...rule.additionalBindings].map(asText);
}

function asText({ pattern, body, responseBody }: HttpRule): string {
  const [kind, path] =
    pattern.case === "custom"
      ? [pattern.value.kind, pattern.value.path]
      : [(pattern.case ?? "").toUpperCase(), pattern.value];
  return [kind, path, body && `body=${body}`, responseBody && `response_body=${responseBody}`]
    .filter(Boolean)
    .join(" ");
}

function ofMessage(before: DescMessage, now: DescMessage): string[] {
  const whole = tighterRules(
    toJson(MessageRulesSchema, getOption(before, messageRules)) as JsonObject, // messages are objects
    toJson(MessageRulesSchema, getOption(now, messageRules)) as JsonObject,
  ).map((said) => `: ${said}: callers who send what it refuses`);
  const oneofs = now.oneofs.flatMap((oneof) => {
    const old = before.oneofs.find(({ name }) => name === oneof.name);
    const was = old ? (toJson(OneofRulesSchema, getOption(old, oneofRules)) as JsonObject) : {};
    const said = tighterRules(was, toJson(OneofRulesSchema, getOption(oneof, oneofRules)) as JsonObject);
    return said.map((one) => `.${oneof.name}: ${one}: callers who give none of its fields are refused`);
  });
  const fields = now.fields.flatMap((field) => {
    const old = before.fields.find(({ number }) => number === field.number);
    return ofField(old, field).map((said) => `.${field.name}: ${said}`);
  });
  return [...whole, ...oneofs, ...fields];
}

function ofField(before: DescField | undefined, now: DescField): string[] {
  const is = rulesJson(now);
  if (!before) return is.required === true ? ["is new and required: callers who do not know it are refused"] : [];
  const was = rulesJson(before);
  const said = tighterRules(was, is);
  if (ignoresLess(was, is)) said.push("its rules are ignored for fewer values");
  return said.map((one) => `${one}: callers who send what was valid are refused`);
}

function rulesJson(field: DescField): JsonObject {
  return toJson(FieldRulesSchema, getOption(field, fieldRules)) as JsonObject; // messages are objects
}

/** Every message that a request can hold. */
function requestMessages(contracts: FileRegistry): Set<DescMessage> {
  const found = new Set<DescMessage>();
  const add = (message: DescMessage | undefined) => {
    if (!message || found.has(message)) return;
    found.add(message);
    for (const field of message.fields) add(field.message);
  };
  for (const one of contracts) if (one.kind === "service") for (const { input } of one.methods) add(input);
  return found;
}
