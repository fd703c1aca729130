/** What a buf image or a protoc descriptor set says of methods, for the rules that need to know. */
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";

export interface Method {
  /** Full name, "shop.catalog.v1.CatalogService". */
  readonly service: string;
  readonly name: string;
  readonly isStreaming: boolean;
  /** Whether idempotency_level says that repeating a call is harmless. */
  readonly isIdempotent: boolean;
}

export type Contracts = readonly Method[];

/** Reads what `buf build -o image.binpb` or `protoc -o` writes. Throws for anything else. */
export function readContracts(descriptorSet: Uint8Array): Contracts {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  return [...registry]
    .flatMap((descriptor) => (descriptor.kind === "service" ? descriptor.methods : []))
    .map((method) => ({
      service: method.parent.typeName,
      name: method.name,
      isStreaming: method.methodKind !== "unary",
      isIdempotent: method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    }));
}
