/** The comments of the contracts, by the full name of what they are on. */
import { readFileSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

export type Comments = ReadonlyMap<string, string>;

/** Numbers of fields in descriptor.proto, of which source paths are made. */
const FILE = { message: 4, enum: 5, service: 6 } as const;
const MESSAGE = { field: 2, message: 3, enum: 4 } as const;
const ENUM_VALUE = 2;
const SERVICE_METHOD = 2;

/** Reads the comments of the buf image that has them. */
export function readComments(): Comments {
  const file = new URL(import.meta.resolve("@row/gen/contracts-with-comments.binpb"));
  const comments = new Map<string, string>();
  for (const one of fromBinary(FileDescriptorSetSchema, readFileSync(file)).file) collect(one, comments);
  return comments;
}

function collect(file: FileDescriptorProto, comments: Map<string, string>): void {
  const byPath = new Map(file.sourceCodeInfo?.location.map((one) => [one.path.join("."), tidy(one.leadingComments)]));
  const add = (name: string, path: string) => {
    const text = byPath.get(path);
    if (text) comments.set(name, text);
  };
  const addEnum = ({ name, value }: EnumDescriptorProto, scope: string, path: string) => {
    add(`${scope}.${name}`, path);
    for (const [index, one] of value.entries()) add(`${scope}.${name}.${one.name}`, `${path}.${ENUM_VALUE}.${index}`);
  };
  const addMessage = (message: DescriptorProto, scope: string, path: string) => {
    const name = `${scope}.${message.name}`;
    add(name, path);
    for (const [index, field] of message.field.entries())
      add(`${name}.${field.name}`, `${path}.${MESSAGE.field}.${index}`);
    for (const [index, nested] of message.nestedType.entries())
      addMessage(nested, name, `${path}.${MESSAGE.message}.${index}`);
    for (const [index, nested] of message.enumType.entries()) addEnum(nested, name, `${path}.${MESSAGE.enum}.${index}`);
  };
  for (const [index, message] of file.messageType.entries())
    addMessage(message, file.package, `${FILE.message}.${index}`);
  for (const [index, one] of file.enumType.entries()) addEnum(one, file.package, `${FILE.enum}.${index}`);
  for (const [index, service] of file.service.entries()) {
    const name = `${file.package}.${service.name}`;
    add(name, `${FILE.service}.${index}`);
    for (const [at, method] of service.method.entries()) {
      add(`${name}.${method.name}`, `${FILE.service}.${index}.${SERVICE_METHOD}.${at}`);
    }
  }
}

function tidy(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.replace(/^ /, ""))
    .join("\n")
    .trim();
}
