import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { field as fieldRules } from "@row/gen/es/buf/validate/validate_pb.ts";
import { http } from "@row/gen/es/google/api/annotations_pb.ts";
import { Access, CallClass, method as policyOf } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { methods as contracts, registry } from "@row/runtime/contract.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import { eventsIn } from "@row/runtime/events/stream-names.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const services: DescService[] = [...registry].filter(
  (descriptor) => descriptor.kind === "service" && descriptor.typeName.startsWith("shop."),
) as DescService[]; // what the filter keeps
const methods = services.flatMap((service) => service.methods);
const files = [...registry.files].filter(({ proto }) => proto.package.startsWith("shop."));

/** The services that the shop has, or will have. */
const SERVICES = [
  ...discoverServices(root).map(({ name }) => name),
  ...["toolbox", "users", "cart", "shipping", "notifications", "analytics"],
];

/** Repeating these with the first answer would mean to keep tokens; each call makes new ones, and that is harmless. */
const WITHOUT_REQUEST_ID = new Set(["Login", "Refresh"]);

test("every method has a call class, a time, and end-user access that fits its roles", () => {
  expectNone(methods, (method) => {
    const { callClass, access, roles, callers } = getOption(method, policyOf);
    const contract = contracts.get(`/${method.parent.typeName}/${method.name}`);
    const isStream = method.methodKind !== "unary";
    return [
      callClass === CallClass.UNSPECIFIED && "has no call class",
      (callClass === CallClass.STREAM) !== isStream && "has the call class of a stream and is none, or the other way",
      !contract || (!isStream && !(contract.timeoutMs > 0 && contract.timeoutMs <= 10_000) && "has no timeout"),
      access === Access.UNSPECIFIED && "says nothing of end users",
      (access === Access.ROLES) !== roles.length > 0 && "has roles without ACCESS_ROLES, or the other way",
      access === Access.NONE && callers.length === 0 && "may be called by nobody",
      ...callers.map((caller) => !SERVICES.includes(caller) && `names "${caller}", which is no service`),
    ];
  });
});

test("every method that end users may call has a REST path, and no other has one", () => {
  expectNone(methods, (method) => {
    const isForUsers = getOption(method, policyOf).access !== Access.NONE;
    const isRead = method.idempotency === Idempotency.NO_SIDE_EFFECTS;
    const { pattern } = getOption(method, http);
    return [
      isForUsers !== hasOption(method, http) && "has a REST path and is for services, or the other way",
      isForUsers && isRead !== (pattern.case === "get") && "reads without GET, or changes with it",
    ];
  });
});

test("every method that changes something is idempotent by nature or by a required request_id", () => {
  expectNone(methods, (method) => {
    const requestId = method.input.fields.find(({ name }) => name === "request_id");
    const isIdempotent = method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN;
    if (WITHOUT_REQUEST_ID.has(method.name)) return [requestId !== undefined && "has a request_id after all"];
    if (isIdempotent) return [requestId !== undefined && "is idempotent, and has a request_id it does not need"];
    return [
      !requestId ? "has no request_id" : !isRequiredUuid(requestId) && "does not require its request_id as a UUID",
    ];
  });
  assert.ok(methods.filter(({ input }) => input.fields.some(({ name }) => name === "request_id")).length >= 6);
});

test("every method has a request and a response of its own, named after it", () => {
  expectNone(methods, ({ name, input, output }) => [
    input.name !== `${name}Request` && `takes ${input.name}`,
    output.name !== `${name}Response` && `answers ${output.name}`,
  ]);
});

test("every list pages with a bounded size and an opaque token", () => {
  const lists = methods.filter(({ input }) => input.fields.some(({ name }) => name === "page_size"));
  assert.ok(lists.length >= 4);
  expectNone(lists, ({ input, output }) => {
    const size = input.fields.find(({ name }) => name === "page_size");
    const token = input.fields.find(({ name }) => name === "page_token");
    const rule = size && getOption(size, fieldRules).type;
    return [
      !(rule?.case === "int32" && rule.value.greaterThan.case === "gte") && "takes a negative page_size",
      !(token && lengthIsBounded(token)) && "has no page_token of bounded length",
      !output.fields.some(({ name }) => name === "next_page_token") && "answers no next_page_token",
    ];
  });
});

test("every string and list that a request takes is bounded, and every id is a UUID", () => {
  // A category's id is a word that merchants read.
  const words = new Set(["category_id"]);
  const fields = reachable(methods.map(({ input }) => input)).flatMap((message) => message.fields);
  expectNone(fields, (field) => {
    const isId = /^(ids?|\w+_ids?)$/.test(field.name) && field.scalar === ScalarType.STRING && !words.has(field.name);
    return [
      field.scalar === ScalarType.STRING && !isId && !lengthIsBounded(field) && "may be of any length",
      isId && !isUuid(field) && "is an id and need not be a UUID",
      field.fieldKind === "list" && !hasMaxItems(field) && "may hold any number of items",
    ];
  });
});

test("times are called …_time, and amounts are Money", () => {
  const fields = reachable(methods.flatMap(({ input, output }) => [input, output]).concat(eventMessages()))
    .flatMap((message) => message.fields)
    .filter(({ parent }) => parent.typeName.startsWith("shop."));
  expectNone(fields, (field) => {
    const isTime = field.message?.typeName === "google.protobuf.Timestamp";
    const isAmount = /^(price|amount|total|unit_price|\w+_(price|total))$/.test(field.name);
    return [
      isTime !== field.name.endsWith("_time") && "is a Timestamp that is not called …_time, or the other way",
      isAmount && field.message?.typeName !== "google.type.Money" && "is an amount and no Money",
    ];
  });
});

test("events live in their domain's file, are past participles, name their aggregate and carry nothing personal", () => {
  const personal = /email|password|recipient|phone|display_name|line1|line2|city|postal|address|token|card/;
  const events = eventMessages();
  assert.ok(events.length >= 15);
  assert.deepEqual(
    events.map(({ typeName }) => typeName).sort(),
    eventsIn(registry)
      .map(({ name }) => name)
      .sort(),
  );
  expectNone(events, (event) => {
    const comment = commentOf(event.file.proto.name, `message ${event.name} {`);
    const [, domain] = event.file.proto.package.split(".");
    return [
      !event.file.name.endsWith(`/${domain}_events`) && "is in another file",
      !/(ed|ent)$/.test(event.name) && "is no past participle",
      !event.fields[0]?.name.endsWith("_id") && "does not begin with an id",
      !/Aggregate:(\s|\/)+the /.test(comment) && "does not say what its aggregate is",
      ...reachable([event]).flatMap(({ fields }) => fields.map(({ name }) => personal.test(name) && `carries ${name}`)),
    ];
  });
});

test("a reason that compiles is one of the contracts, and each of theirs does", () => {
  const ofContracts = [...registry].flatMap((type) =>
    type.kind === "enum" && type.name === "ErrorReason" ? type.values.slice(1).map(({ name }) => name) : [],
  );
  const generated = [...readFileSync(join(root, "gen/reasons.ts"), "utf8").matchAll(/"([A-Z_]+)"/g)];
  assert.deepEqual(
    generated.map(([, reason]) => `ERROR_REASON_${reason}`).toSorted(),
    [...new Set(ofContracts)].toSorted(),
  );
  // @ts-expect-error no contract has it
  assert.equal(new DomainError("refused", "MADE_UP_HERE", "Cannot").kind, "refused");
});

test("every reason of a domain that runs is given somewhere", () => {
  const domains = services.map(({ file }) => file.proto.package.split(".")[1] ?? "");
  const running = domains.filter((domain) => existsSync(join(root, `services/${domain}/service.yaml`)));
  const unused = running.flatMap((domain) => {
    const code = sources(`services/${domain}/src/**/*.ts`).map((file) => readFileSync(join(root, file), "utf8"));
    return [...reasonsOf(domain, domain)]
      .filter((reason) => !code.some((text) => text.includes(`"${reason}"`)))
      .map((reason) => `${domain}: ${reason}`);
  });
  assert.deepEqual(unused, []);
});

test("the errors that a method's comment lists are codes and reasons that exist", () => {
  const codes = new Set(
    "INVALID_ARGUMENT NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED UNAUTHENTICATED FAILED_PRECONDITION ABORTED UNAVAILABLE RESOURCE_EXHAUSTED".split(
      " ",
    ),
  );
  const wrong = services.flatMap(({ file }) => {
    const [, domain = ""] = file.proto.package.split(".");
    const known = reasonsOf(domain, domain).union(reasonsOf("options", "shared"));
    return [...source(file.proto.name).matchAll(/\/\/ - ([^:]+): /g)].flatMap(([, list = ""]) =>
      list
        .split(/, | or /)
        .filter((word, index) => !(index === 0 ? codes : known).has(word))
        .map((word) => `${file.proto.name}: ${word}`),
    );
  });
  assert.deepEqual(wrong, []);
});

/** Collects what is wrong with each, and fails with all of it. */
function expectNone<T extends DescMethod | DescField | DescMessage>(
  these: readonly T[],
  look: (one: T) => (string | boolean | undefined)[],
): void {
  assert.ok(these.length > 0);
  const wrong = these.flatMap((one) =>
    look(one)
      .filter((complaint) => typeof complaint === "string")
      .map((complaint) => `${one}: ${complaint}`),
  );
  assert.deepEqual([...new Set(wrong)], []);
}

function eventMessages(): DescMessage[] {
  return files.filter(({ name }) => name.endsWith("_events")).flatMap(({ messages }) => messages);
}

/** The messages, and those inside them, ours alone: others' have rules of their own. */
function reachable(messages: DescMessage[]): DescMessage[] {
  const seen = new Set<DescMessage>();
  const visit = (message: DescMessage) => {
    if (seen.has(message) || !message.typeName.startsWith("shop.")) return;
    seen.add(message);
    for (const { message: inner } of message.fields) if (inner) visit(inner);
  };
  messages.forEach(visit);
  return [...seen];
}

function stringRules(field: DescField) {
  const { type } = getOption(field, fieldRules);
  const ofItems = type.case === "repeated" ? type.value.items?.type : type;
  return ofItems?.case === "string" ? ofItems.value : undefined;
}

function isUuid(field: DescField): boolean {
  return stringRules(field)?.wellKnown.case === "uuid";
}

function isRequiredUuid(field: DescField): boolean {
  return getOption(field, fieldRules).required && isUuid(field);
}

function lengthIsBounded(field: DescField): boolean {
  const rules = stringRules(field);
  // A pattern with a bound at its end, such as "^[A-Z]{2}$".
  return rules !== undefined && (rules.maxLen > 0n || /\{(\d+,)?\d+\}\$$/.test(rules.pattern));
}

function hasMaxItems(field: DescField): boolean {
  const { type } = getOption(field, fieldRules);
  return type.case === "repeated" && type.value.maxItems > 0n;
}

function reasonsOf(folder: string, name: string): Set<string> {
  const text = source(`shop/${folder}/v1/${name}_errors.proto`);
  return new Set([...text.matchAll(/ERROR_REASON_([A-Z_]+) = [1-9]/g)].map(([, reason = ""]) => reason));
}

function source(file: string): string {
  return readFileSync(join(root, "proto", file), "utf8");
}

/** The comment right above a line. */
function commentOf(file: string, line: string): string {
  return (source(file).split(line)[0] ?? "").split("\n\n").at(-1) ?? "";
}

function sources(pattern: string): string[] {
  return globSync(pattern, { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
}
