import { type MethodDefinition, makeGenericClientConstructor } from "@grpc/grpc-js";

const asIs = (bytes: Buffer) => bytes;

const echoMethod: MethodDefinition<Buffer, Buffer> = {
  path: "/bench.Echo/Echo",
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};

/** The least that a gRPC service can do: no codec, no validation, no telemetry, no database. */
export const EchoService = { echo: echoMethod };

export const EchoClient = makeGenericClientConstructor(EchoService, "Echo");
