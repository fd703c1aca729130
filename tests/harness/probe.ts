import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfo } from "@row/gen/grpc/google/rpc/error_details.ts";
import { Status } from "@row/gen/grpc/google/rpc/status.ts";
import { IDENTITY_SUFFIX } from "@row/runtime/access.ts";
import { methodAt } from "@row/runtime/contract.ts";

/** How a call ended. */
export interface Outcome {
  code: status;
  message: string;
  /** From ErrorInfo; empty without one. */
  reason: string;
}

export interface ProbeCaller {
  /** A service of this shop, as its sidecar would vouch for it. */
  service?: string;
  /** An identity as it is, for one that is not of this shop. */
  identity?: string;
  token?: string;
}

/** Bytes that are no message of any type: whoever may call is told so, and nothing is done. */
export const NO_MESSAGE = Buffer.from([0xff]);

/** Sends bytes to any method of a server, as whoever. */
export class Probe {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
  }

  /** How the call ended; a stream ends with its first message. */
  call(path: string, request: Uint8Array, caller: ProbeCaller = {}): Promise<Outcome> {
    const metadata = new Metadata();
    const identity = caller.service === undefined ? caller.identity : `${caller.service}.${IDENTITY_SUFFIX}`;
    if (identity !== undefined) metadata.set("l5d-client-id", identity);
    if (caller.token !== undefined) metadata.set("authorization", `Bearer ${caller.token}`);
    const options = { deadline: Date.now() + 5_000 };
    const asIs = (bytes: Buffer) => bytes;
    const bytes = Buffer.from(request);
    if (methodAt(path).descriptor.methodKind === "unary") {
      return new Promise((resolve) => {
        this.#client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, options, (error) => resolve(outcome(error)));
      });
    }
    return new Promise((resolve) => {
      const stream = this.#client.makeServerStreamRequest(path, asIs, asIs, bytes, metadata, options);
      stream.on("data", () => {
        resolve(outcome(null));
        stream.cancel();
      });
      stream.on("end", () => resolve(outcome(null)));
      stream.on("error", (error: ServiceError) => resolve(outcome(error)));
    });
  }

  close(): void {
    this.#client.close();
  }
}

function outcome(error: ServiceError | null): Outcome {
  if (!error) return { code: status.OK, message: "", reason: "" };
  return { code: error.code, message: error.details, reason: reasonOf(error.metadata) };
}

function reasonOf(metadata: Metadata): string {
  const binary = metadata.get("grpc-status-details-bin")[0];
  if (!Buffer.isBuffer(binary)) return "";
  const info = Status.decode(binary).details.find(({ typeUrl }) => typeUrl.endsWith(ErrorInfo.$type));
  return info ? ErrorInfo.decode(info.value).reason : "";
}
