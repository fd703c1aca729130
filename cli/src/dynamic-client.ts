/** Calls a method that is known from its descriptor alone, with JSON. */
import {
  type DescMethod,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { Client, credentials, type Metadata } from "@grpc/grpc-js";
import { messageOf, RowError } from "@row/topology/row-error.ts";

/** Finds a method by its full name, or by one that is short but clear: OrderService.GetOrder, GetOrder. */
export function findMethod(contracts: FileRegistry, name: string): DescMethod {
  const wanted = name.replace("/", ".").replace(/^\./, "");
  const methods = [...contracts].flatMap((type) => (type.kind === "service" ? type.methods : []));
  const found = methods.filter((method) => `.${fullName(method)}`.endsWith(`.${wanted}`));
  const [method] = found;
  if (method && found.length === 1) return method;
  if (method) throw new RowError(`${name} is not clear: it may be ${found.map(fullName).join(" or ")}`);
  const service = [...contracts].find(
    (type) => type.kind === "service" && `.${type.typeName}`.endsWith(`.${wanted.slice(0, wanted.lastIndexOf("."))}`),
  );
  const known =
    service?.kind === "service"
      ? service.methods.map(({ name }) => name)
      : [...new Set(methods.map(({ parent }) => parent.typeName))];
  throw new RowError(`No contract has a method ${name}: there are ${known.join(", ")}`);
}

function fullName({ parent, name }: DescMethod): string {
  return `${parent.typeName}.${name}`;
}

export interface DynamicCall {
  address: string;
  method: DescMethod;
  request: JsonValue;
  metadata: Metadata;
  contracts: FileRegistry;
  /** Milliseconds; none when absent. */
  timeoutMs?: number;
  /** Told who answers, along the call path: "catalog/v2/catalog-v2-1". */
  onServedBy?: (servedBy: string) => void;
}

/** Calls a method known only from its contract; answers proto3 JSON, once or, for a stream, again and again. */
export async function* callMethod({
  address,
  method,
  request,
  metadata,
  contracts,
  timeoutMs,
  onServedBy,
}: DynamicCall): AsyncGenerator<JsonValue> {
  if (method.methodKind !== "unary" && method.methodKind !== "server_streaming") {
    throw new RowError(
      `${method.parent.typeName}.${method.name} takes a stream of requests, which cannot be typed here`,
    );
  }
  const message = parseRequest(method, request, contracts);
  const client = new Client(address, credentials.createInsecure());
  try {
    const call = client.makeServerStreamRequest(
      `/${method.parent.typeName}/${method.name}`,
      (value: Message) => Buffer.from(toBinary(method.input, value)),
      (bytes: Buffer) => fromBinary(method.output, bytes),
      message,
      metadata,
      { deadline: timeoutMs ? Date.now() + timeoutMs : undefined },
    );
    call.on("metadata", (headers: Metadata) => {
      for (const name of headers.get("x-served-by")) onServedBy?.(String(name));
    });
    for await (const answer of call) {
      yield toJson(method.output, answer, { registry: contracts, alwaysEmitImplicit: true });
    }
  } finally {
    client.close();
  }
}

function parseRequest(method: DescMethod, request: JsonValue, contracts: FileRegistry): Message {
  try {
    return fromJson(method.input, request, { registry: contracts });
  } catch (error) {
    throw new RowError(`Cannot use the request: ${messageOf(error)}`);
  }
}
