import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { RpcError } from "@row/runtime/rpc/status.ts";

/** Routes have their own, shorter ones. */
const DEADLINE_MS = 10_000;

/** As generated services have it. */
interface UnaryMethod<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** Calls any service through the toolbox's sidecar, as people do: patient, and with the retries that routes ask clients for. */
export class Toolbox {
  readonly #client: Client;

  /** @param serviceConfig what the mesh wrote for it */
  constructor(address: string, serviceConfig: string) {
    this.#client = new Client(address, credentials.createInsecure(), { "grpc.service_config": serviceConfig });
  }

  /** Rejects with RpcError. */
  call<Request, Response>(method: UnaryMethod<Request, Response>, request: Request, token?: string): Promise<Response> {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
    const { path, requestSerialize, responseDeserialize } = method;
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve, reject) => {
      const ended = (error: ServiceError | null, answer?: Response) => {
        if (error) reject(new RpcError(path, error));
        else resolve(answer as Response); // without an error there is one
      };
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, ended);
    });
  }

  close(): void {
    this.#client.close();
  }
}
