/** A method as grpc-js calls it: proto-loader makes it of descriptors, and protobuf-es reads and writes its JSON. */
import {
  create,
  type DescFile,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { MethodDefinition } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, type ServiceDefinition } from "@grpc/proto-loader";
import { messageOf, RowError } from "@row/topology/row-error.ts";

type Called = "path" | "requestStream" | "responseStream" | "requestSerialize" | "responseDeserialize";

/**
 * Takes the request as a message and answers proto3 JSON. proto-loader's own conversion is no proto3 JSON: it leaves out
 * fields that a contract does not have without a word, and writes times as seconds and nanoseconds and maps as lists.
 */
export function methodDefinition(
  method: DescMethod,
  registry: FileRegistry,
): Pick<MethodDefinition<Message, JsonValue>, Called> {
  const { path, requestStream, responseStream } = loaded(method);
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: (request) => Buffer.from(toBinary(method.input, request)),
    responseDeserialize: (bytes) =>
      toJson(method.output, fromBinary(method.output, bytes), { registry, alwaysEmitImplicit: true }),
  };
}

function loaded({ parent, name }: DescMethod) {
  const file = [...withImports(parent.file)].map(({ proto }) => proto);
  const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
  try {
    // What goes by the name of a service is one.
    const service = loadFileDescriptorSetFromBuffer(Buffer.from(set))[parent.typeName] as ServiceDefinition;
    const definition = service[name];
    if (definition) return definition;
  } catch (error) {
    throw new RowError(`Cannot read the contract of ${parent.typeName}: ${messageOf(error)}`);
  }
  throw new RowError(`Cannot read the contract of ${parent.typeName}: proto-loader finds no ${name} in it`);
}

function withImports(file: DescFile, found = new Set<DescFile>()): Set<DescFile> {
  if (found.has(file)) return found;
  for (const dependency of file.dependencies) withImports(dependency, found);
  return found.add(file);
}
