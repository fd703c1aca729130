/** Server reflection, so that grpcurl and its like can list, describe and call what a process serves. */
import { readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import type { handleBidiStreamingCall, Server, ServiceDefinition } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

/** The files of a buf image. */
function filesOf(image: string) {
  return fromBinary(FileDescriptorSetSchema, readFileSync(new URL(image))).file;
}

type Answer = handleBidiStreamingCall<unknown, unknown>;

/** A version of the service. */
interface Version {
  readonly definition: ServiceDefinition;
  readonly answer: Answer;
}

/**
 * Adds both versions of the service; it lists `services`. What it answers is read when it is first asked for anything: few
 * processes ever are, and the contracts with their comments, which "describe" shows, would be the largest thing that they hold.
 */
export function addReflection(server: Server, services: readonly string[]): void {
  let known: readonly Version[] | undefined;
  const answer =
    (index: number): Answer =>
    (stream) => {
      known ??= versionsOf(reflectionOf(services));
      known[index]?.answer(stream);
    };
  // A reflection of nothing has the same definitions.
  for (const [index, { definition }] of versionsOf(new ReflectionService({})).entries()) {
    server.addService(definition, { ServerReflectionInfo: answer(index) });
  }
}

function versionsOf(reflection: ReflectionService): Version[] {
  const versions: Version[] = [];
  const addService: Server["addService"] = (definition, { ServerReflectionInfo }) => {
    versions.push({ definition, answer: ServerReflectionInfo as Answer }); // its only RPC
  };
  reflection.addToServer({ addService } as Server); // all it asks of one
  return versions;
}

function reflectionOf(services: readonly string[]): ReflectionService {
  const contracts = filesOf(import.meta.resolve("@row/gen/contracts-with-comments.binpb"));
  // The descriptors that the health package itself carries lack its service.
  const health = filesOf(import.meta.resolve("@row/gen/health.binpb"));
  // By what they are, not by service: the library decodes what it is given under each name.
  const descriptors = { contracts: encoded(contracts), health: encoded(health) };
  const reflection = new ReflectionService(descriptors as never, { services: [...services] });
  for (const version of ["v1", "v1Alpha"]) addEnumValues(symbolsOf(reflection, version), [...contracts, ...health]);
  return reflection;
}

/** Raw descriptors keep imports and custom options; see docs/dependencies.md. */
function encoded(files: readonly FileDescriptorProto[]): { fileDescriptorProtos: Buffer[] } {
  return { fileDescriptorProtos: files.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file))) };
}

/** Where the library looks up which file declares a name. It has no way in: one that keeps them elsewhere is refused. */
function symbolsOf(reflection: ReflectionService, version: string): Record<string, unknown> {
  const symbols: unknown = Reflect.get(Object(Reflect.get(reflection, version)), "symbols");
  if (typeof symbols !== "object" || symbols === null) {
    throw new Error("Cannot reflect enum values: this @grpc/reflection keeps no symbols where 1.0.4 does");
  }
  return symbols as Record<string, unknown>; // as far as it matters here
}

/** Values are siblings of their enum in protobuf's naming ("shop.orders.v1.Order.STATE_PENDING"); the library knows children only. */
function addEnumValues(symbols: Record<string, unknown>, files: readonly FileDescriptorProto[]): void {
  const addEnum = (one: EnumDescriptorProto, scope: string) => {
    for (const { name } of one.value) symbols[`${scope}.${name}`] ??= symbols[`${scope}.${one.name}`];
  };
  const addMessage = (message: DescriptorProto, scope: string) => {
    const name = `${scope}.${message.name}`;
    for (const one of message.enumType) addEnum(one, name);
    for (const one of message.nestedType) addMessage(one, name);
  };
  for (const file of files) {
    for (const one of file.enumType) addEnum(one, file.package);
    for (const message of file.messageType) addMessage(message, file.package);
  }
}
