import { create, createFileRegistry, type DescMethod, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import {
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { HttpRuleSchema } from "@row/gen/es/google/api/http_pb.ts";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import type { MethodContract } from "@row/runtime/contract.ts";
import { type Binding, bindingsOfRule } from "../src/rest/binding.ts";
import { decodeRequest, type RequestParts } from "../src/rest/request-decoder.ts";

const wellKnown = [
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
];

let number = 0;
function field(name: string, type: Type, typeName = "", label = Label.OPTIONAL): FieldDescriptorProto {
  number += 1;
  const jsonName = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return create(FieldDescriptorProtoSchema, { name, jsonName, number, type, typeName, label });
}

const message = (name: string, typeName: string) => field(name, Type.MESSAGE, typeName);
const many = (name: string, type: Type, typeName = "") => field(name, type, typeName, Label.REPEATED);

/** A contract with a field of every kind, which the shop's own contracts do not have. */
const file = create(FileDescriptorProtoSchema, {
  name: "specimen.proto",
  package: "specimen",
  syntax: "proto3",
  dependency: wellKnown.map(({ proto }) => proto.name),
  enumType: [
    {
      name: "Color",
      value: [
        { name: "NONE", number: 0 },
        { name: "RED", number: 1 },
        { name: "BLUE", number: 2 },
      ],
    },
  ],
  messageType: [
    {
      name: "Request",
      field: [
        field("name", Type.STRING),
        field("is_new", Type.BOOL),
        field("count", Type.INT64),
        field("ratio", Type.DOUBLE),
        field("raw", Type.BYTES),
        field("color", Type.ENUM, ".specimen.Color"),
        many("colors", Type.ENUM, ".specimen.Color"),
        many("tags", Type.STRING),
        message("after", ".google.protobuf.Timestamp"),
        message("wait", ".google.protobuf.Duration"),
        message("read_mask", ".google.protobuf.FieldMask"),
        message("limit", ".google.protobuf.Int32Value"),
        message("is_open", ".google.protobuf.BoolValue"),
        message("title", ".google.protobuf.StringValue"),
        message("extra", ".google.protobuf.Struct"),
        message("inner", ".specimen.Inner"),
        many("inners", Type.MESSAGE, ".specimen.Inner"),
        field("request_id", Type.STRING),
        many("counts", Type.UINT64),
        message("total", ".google.protobuf.Int64Value"),
        { ...field("one_thing", Type.STRING), oneofIndex: 0 },
        { ...message("other_thing", ".specimen.Inner"), oneofIndex: 0 },
      ],
      oneofDecl: [{ name: "choice" }],
    },
    {
      name: "Inner",
      field: [field("item_id", Type.STRING), field("size", Type.INT32), message("deeper", ".specimen.Inner")],
    },
  ],
  service: [
    {
      name: "Service",
      method: [
        { name: "Do", inputType: ".specimen.Request", outputType: ".specimen.Request" },
        {
          name: "Say",
          inputType: ".google.protobuf.StringValue",
          outputType: ".google.protobuf.StringValue",
          options: { deprecated: true },
        },
      ],
    },
  ],
});

const specimens = createFileRegistry(file, (name) => wellKnown.find(({ proto }) => proto.name === name));

function descriptorOf(name: string): DescMethod {
  const method = specimens.getService("specimen.Service")?.methods.find((candidate) => candidate.name === name);
  if (!method) throw new Error(`the specimen has no method ${name}`);
  return method;
}

function contractOf(name: string): MethodContract {
  return {
    path: `/specimen.Service/${name}`,
    service: "specimen",
    descriptor: descriptorOf(name),
    timeoutMs: 1_000,
    access: Access.PUBLIC,
    roles: [],
    callers: new Set(),
    isIdempotent: false,
  };
}

export type Rule = Parameters<typeof create<typeof HttpRuleSchema>>[1];

/** The bindings of a rule on the specimen's method: Do, or Say, which takes a string. */
export function bind(rule: Rule, method: "Do" | "Say" = "Do"): Binding[] {
  return bindingsOfRule(contractOf(method), create(HttpRuleSchema, rule));
}

/** What a body becomes where it is one string. */
export function decodeSaid(rule: Rule, body: string): JsonValue {
  const [binding] = bind(rule, "Say");
  if (!binding) throw new Error("the rule binds nothing");
  const bytes = decodeRequest(binding, { ...NOTHING, body: Buffer.from(body) });
  const { input } = binding.contract.descriptor;
  return toJson(input, fromBinary(input, bytes));
}

const NOTHING = { segments: [], query: "", idempotencyKey: undefined, caller: "", lastEventId: undefined };

/** What a request through a rule becomes, as proto3 JSON without the request_id that is made. */
export function decode(rule: Rule, parts: Partial<RequestParts> & { json?: unknown }): JsonValue {
  const [binding] = bind(rule);
  if (!binding) throw new Error("the rule binds nothing");
  const body = parts.json === undefined ? parts.body : Buffer.from(JSON.stringify(parts.json));
  const bytes = decodeRequest(binding, { ...NOTHING, ...parts, body });
  const { input } = binding.contract.descriptor;
  const json = toJson(input, fromBinary(input, bytes));
  const { requestId: _, ...rest } = json as { requestId?: string } & Record<string, JsonValue>;
  return rest;
}
