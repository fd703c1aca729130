import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfo } from "@row/gen/grpc/google/rpc/error_details.ts";
import { Status } from "@row/gen/grpc/google/rpc/status.ts";
import { methodAt } from "@row/runtime/contract.ts";
import { identityOf } from "@row/runtime/names.ts";

/** How a call ended. */
export interface ProbeResult {
  code: status;
  message: string;
  /** From ErrorInfo; empty without one. */
  reason: string;
}

export interface ProbeCaller {
  /** A service of this shop, as its sidecar would vouch for it. */
  service?: string;
  /** An identity that is merely claimed. */
  identity?: string;
  token?: string;
  /** A grpc-timeout as it stands on the wire ("1m" is a millisecond), which this client itself does not keep. */
  timeout?: string;
}

/** The sidecar that a server is behind, which believes certificates alone. */
export interface Sidecar {
  address: string;
  /** Whom its certificate must name. */
  identity: string;
  credentialsOf(service: string): Promise<ChannelCredentials>;
}

/** Bytes that are no message of any type: whoever may call is told so, and nothing is done. */
export const NO_MESSAGE = Buffer.from([0xff]);

/** Sends bytes to any method of a server, as whoever: through its sidecar with the service's certificate, where it has one. */
export class Probe {
  readonly #address: string;
  readonly #sidecar: Sidecar | undefined;
  readonly #clients = new Map<string, Promise<Client>>();

  constructor(address: string, sidecar?: Sidecar) {
    this.#address = address;
    this.#sidecar = sidecar;
  }

  /** How the call ended; a stream ends with its first message. */
  async call(path: string, request: Uint8Array, caller: ProbeCaller = {}): Promise<ProbeResult> {
    const metadata = new Metadata();
    const vouched = caller.service === undefined ? undefined : identityOf(caller.service);
    const claimed = this.#sidecar ? caller.identity : (vouched ?? caller.identity);
    if (claimed !== undefined) metadata.set("l5d-client-id", claimed);
    if (caller.token !== undefined) metadata.set("authorization", `Bearer ${caller.token}`);
    const client = await this.#clientOf(this.#sidecar ? caller.service : undefined);
    if (caller.timeout !== undefined) metadata.set("grpc-timeout", caller.timeout);
    const options = caller.timeout === undefined ? { deadline: Date.now() + 5_000 } : {};
    const asIs = (bytes: Buffer) => bytes;
    const bytes = Buffer.from(request);
    if (methodAt(path).descriptor.methodKind === "unary") {
      return new Promise((resolve) => {
        client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, options, (error) => resolve(outcome(error)));
      });
    }
    return new Promise((resolve) => {
      const stream = client.makeServerStreamRequest(path, asIs, asIs, bytes, metadata, options);
      stream.on("data", () => {
        resolve(outcome(null));
        stream.cancel();
      });
      stream.on("end", () => resolve(outcome(null)));
      stream.on("error", (error: ServiceError) => resolve(outcome(error)));
    });
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) (await client).close();
  }

  #clientOf(service = ""): Promise<Client> {
    const known = this.#clients.get(service) ?? this.#connect(service);
    this.#clients.set(service, known);
    return known;
  }

  async #connect(service: string): Promise<Client> {
    if (!service || !this.#sidecar) return new Client(this.#address, credentials.createInsecure());
    const { address, identity, credentialsOf } = this.#sidecar;
    return new Client(address, await credentialsOf(service), { "grpc.ssl_target_name_override": identity });
  }
}

function outcome(error: ServiceError | null): ProbeResult {
  if (!error) return { code: status.OK, message: "", reason: "" };
  return { code: error.code, message: error.details, reason: reasonOf(error.metadata) };
}

function reasonOf(metadata: Metadata): string {
  const binary = metadata.get("grpc-status-details-bin")[0];
  if (!Buffer.isBuffer(binary)) return "";
  const info = Status.decode(binary).details.find(({ typeUrl }) => typeUrl.endsWith(ErrorInfo.$type));
  return info ? ErrorInfo.decode(info.value).reason : "";
}
