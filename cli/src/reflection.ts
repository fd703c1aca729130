/** What a server serves, asked by gRPC server reflection: version 1, and v1alpha where the server knows only that. */
import {
  create,
  createFileRegistry,
  type FileRegistry,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type Client, type ClientDuplexStream, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@row/gen/es/grpc/reflection/v1/reflection_pb.ts";
import { RowError } from "@row/topology/row-error.ts";

/** Both versions have the same messages on the wire. */
const METHODS = [
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
const REFLECTION = /^grpc\.reflection\./;
const PATIENCE_MS = 10_000;

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

/** Every service of a server but reflection itself, with what their messages are made of. @param known for files that it does not hand out */
export async function reflect(client: Client, address: string, known: FileRegistry): Promise<FileRegistry> {
  for (const method of METHODS) {
    try {
      return await reflectBy(client, method, known);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      if (error.code !== status.UNIMPLEMENTED) {
        throw new RowError(`Cannot ask ${address} what it serves: ${status[error.code]}: ${error.details}`);
      }
    }
  }
  throw new RowError(`Cannot ask ${address} what it serves: it has no gRPC server reflection`);
}

async function reflectBy(client: Client, method: string, known: FileRegistry): Promise<FileRegistry> {
  const conversation = new Conversation(client, method);
  try {
    const listed = await conversation.ask({ case: "listServices", value: "" });
    if (listed.case !== "listServicesResponse") throw new RowError("Reflection did not list services");
    const services = listed.value.service.map(({ name }) => name).filter((name) => !REFLECTION.test(name));
    const files = new Map<string, FileDescriptorProto>();
    for (const value of services) add(files, await conversation.ask({ case: "fileContainingSymbol", value }));
    // Some servers hand out a file with all that it imports, others the file alone. The list grows while it is walked.
    for (const { dependency } of files.values()) {
      for (const value of dependency) {
        if (files.has(value)) continue;
        add(files, await conversation.ask({ case: "fileByFilename", value }));
        const ours = known.getFile(value)?.proto;
        if (!files.has(value) && ours) files.set(value, ours);
      }
    }
    return createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(files) }));
  } finally {
    conversation.end();
  }
}

function add(files: Map<string, FileDescriptorProto>, answer: ServerReflectionResponse["messageResponse"]): void {
  if (answer.case !== "fileDescriptorResponse") return;
  for (const bytes of answer.value.fileDescriptorProto) {
    const file = fromBinary(FileDescriptorProtoSchema, bytes);
    files.set(file.name, file);
  }
}

function importsFirst(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (name: string, above: readonly string[]) => {
    const file = files.get(name);
    if (!file || ordered.has(file) || above.includes(name)) return;
    for (const dependency of file.dependency) visit(dependency, [...above, name]);
    ordered.add(file);
  };
  for (const name of files.keys()) visit(name, []);
  return [...ordered];
}

/** One stream of questions and answers, one at a time. */
class Conversation {
  readonly #stream: ClientDuplexStream<Uint8Array, ServerReflectionResponse>;
  readonly #answers: AsyncIterator<ServerReflectionResponse>;

  constructor(client: Client, method: string) {
    this.#stream = client.makeBidiStreamRequest(
      method,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => fromBinary(ServerReflectionResponseSchema, bytes),
      new Metadata(),
      { deadline: Date.now() + PATIENCE_MS },
    );
    this.#answers = this.#stream[Symbol.asyncIterator]();
  }

  async ask(messageRequest: Question): Promise<ServerReflectionResponse["messageResponse"]> {
    this.#stream.write(
      toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { messageRequest })),
    );
    const { done, value } = await this.#answers.next();
    if (done) throw new RowError("Reflection ended before it answered");
    return value.messageResponse;
  }

  end(): void {
    this.#stream.cancel();
    this.#stream.on("error", () => {});
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}
