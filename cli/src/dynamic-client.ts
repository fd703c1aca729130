/** Calls a method that is known from its descriptor alone, with JSON. */
import { type DescMethod, type FileRegistry, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, credentials, type Metadata, type StatusObject } from "@grpc/grpc-js";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { methodDefinition } from "./method-definition.ts";

const MOST_ALIKE = 8;

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
  if (service?.kind === "service") {
    throw new RowError(
      `No contract has a method ${name}: there are ${service.methods.map((method) => method.name).join(", ")}`,
    );
  }
  const word = wanted.slice(wanted.lastIndexOf(".") + 1).toLowerCase();
  const alike = methods
    .filter((method) => word !== "" && method.name.toLowerCase().includes(word))
    .slice(0, MOST_ALIKE);
  const guess =
    alike.length > 0 ? `there are ${alike.map((method) => `${method.parent.name}.${method.name}`).join(", ")}; ` : "";
  throw new RowError(`No contract has a method ${name}: ${guess}\`npx row call --list\` lists the services`);
}

function fullName({ parent, name }: DescMethod): string {
  return `${parent.typeName}.${name}`;
}

/** How a server is reached. */
export interface Way {
  readonly address: string;
  /** Plaintext when absent. */
  readonly credentials?: ChannelCredentials;
  /** What the server is called in requests, where that is not the address. */
  readonly authority?: string;
}

export function clientFor({ address, credentials: given, authority }: Way): Client {
  return new Client(
    address,
    given ?? credentials.createInsecure(),
    authority === undefined
      ? {}
      : { "grpc.default_authority": authority, "grpc.ssl_target_name_override": authority.replace(/:\d+$/, "") },
  );
}

export interface DynamicCall extends Way {
  method: DescMethod;
  request: JsonValue;
  metadata: Metadata;
  contracts: FileRegistry;
  /** Milliseconds; none when absent. */
  timeoutMs?: number;
  /** Told who answers, along the call path: "catalog/v2/catalog-v2-1". */
  onServedBy?: (servedBy: string) => void;
  onHeaders?: (headers: Metadata) => void;
  /** Told how the call ended, also where it failed. */
  onEnd?: (status: StatusObject) => void;
}

/** Calls a method known only from its contract; answers proto3 JSON, once or, for a stream, again and again. */
export async function* callMethod({
  method,
  request,
  metadata,
  contracts,
  timeoutMs,
  onServedBy,
  onHeaders,
  onEnd,
  ...way
}: DynamicCall): AsyncGenerator<JsonValue> {
  const definition = methodDefinition(method, contracts);
  if (definition.requestStream) {
    throw new RowError(
      `${method.parent.typeName}.${method.name} takes a stream of requests, which cannot be typed here`,
    );
  }
  const message = parseRequest(method, request, contracts);
  const client = clientFor(way);
  try {
    // gRPC has no other frames for one answer than for a stream of them.
    const call = client.makeServerStreamRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      message,
      metadata,
      { deadline: timeoutMs ? Date.now() + timeoutMs : undefined },
    );
    call.on("metadata", (headers: Metadata) => {
      for (const name of headers.get("x-served-by")) onServedBy?.(String(name));
      onHeaders?.(headers);
    });
    call.on("status", (ended: StatusObject) => onEnd?.(ended));
    yield* call;
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
