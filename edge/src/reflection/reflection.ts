/** Server reflection, so that grpcurl and its like can list, describe and call what end users may. */
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { ServerReflection, type ServerReflectionRequest } from "@row/gen/es/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflection as AlphaReflection,
  type ServerReflectionRequest as AlphaRequest,
} from "@row/gen/es/grpc/reflection/v1alpha/reflection_pb.ts";
import type { MethodContract } from "@row/runtime/contract.ts";
import { FileIndex } from "./file-index.ts";
import { publicFiles } from "./public-files.ts";

/**
 * Adds both versions of the service to a router: most tools still ask for the older one when the newer is missing. Files are read
 * when they are first asked for: few edges ever are, and with their comments they are large.
 */
export function addReflection(router: ConnectRouter, contracts: readonly MethodContract[]): void {
  let known: FileIndex | undefined;
  const index = () => {
    known ??= new FileIndex(publicFiles(new Set(contracts.map(({ path }) => path))));
    return known;
  };
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) yield answer(index(), request);
    },
  });
  router.service(AlphaReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) yield answer(index(), request);
    },
  });
}

function answer<R extends ServerReflectionRequest | AlphaRequest>(index: FileIndex, request: R) {
  return { validHost: request.host, originalRequest: request, messageResponse: found(index, request.messageRequest) };
}

function found(index: FileIndex, asked: (ServerReflectionRequest | AlphaRequest)["messageRequest"]) {
  switch (asked.case) {
    case "listServices":
      return {
        case: "listServicesResponse" as const,
        value: { service: index.services.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return files(index.byName(asked.value), asked.value);
    case "fileContainingSymbol":
      return files(index.bySymbol(asked.value), asked.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      return files(index.byExtension(containingType, extensionNumber), `${containingType} ${extensionNumber}`);
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = index.extensionNumbers(asked.value);
      if (!extensionNumber) return notFound(asked.value);
      return {
        case: "allExtensionNumbersResponse" as const,
        value: { baseTypeName: asked.value, extensionNumber },
      };
    }
    default:
      return refusal(Code.InvalidArgument, "Cannot answer: the request asks for nothing");
  }
}

function files(fileDescriptorProto: Uint8Array[] | undefined, asked: string) {
  if (!fileDescriptorProto) return notFound(asked);
  return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto } };
}

function notFound(asked: string) {
  return refusal(
    Code.NotFound,
    `Cannot find ${JSON.stringify(asked.slice(0, 200))}: it is not in the public contracts`,
  );
}

function refusal(errorCode: Code, errorMessage: string) {
  return { case: "errorResponse" as const, value: { errorCode, errorMessage } };
}
