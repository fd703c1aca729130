/** The only grpc.Server: health, reflection, and the services that are added to it. */

import { readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { fileDescriptors } from "./contract.ts";
import { HandlerFactory, type HandlerSetup, type Handlers } from "./handler.ts";
import { listenAt } from "./unix-socket.ts";

/** A ts-proto service definition ("OrderServiceService"). */
export type ServiceDefinition = Readonly<
  Record<
    string,
    {
      readonly path: string;
      readonly requestStream: boolean;
      readonly responseStream: boolean;
      readonly requestSerialize: (value: never) => Buffer;
      readonly requestDeserialize: (bytes: Buffer) => unknown;
      readonly responseSerialize: (value: never) => Buffer;
      readonly responseDeserialize: (bytes: Buffer) => unknown;
    }
  >
>;

const HEALTH = "grpc.health.v1.Health";
// The descriptors that the package itself carries lack the service.
const health = fromBinary(FileDescriptorSetSchema, readFileSync(new URL(import.meta.resolve("@row/gen/health.binpb"))));

/** A gRPC server that validates, authorizes, times and logs every call by its contract. */
export class GrpcServer {
  readonly #server = new Server({
    // Nobody asks channelz, and its bookkeeping costs something with each call.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": 1024 * 1024,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.keepalive_permit_without_calls": 1,
  });
  readonly #health = new HealthImplementation({ "": "NOT_SERVING" });
  readonly #handlers: HandlerFactory;
  readonly #services: string[] = [];

  constructor(setup: HandlerSetup) {
    this.#handlers = new HandlerFactory(setup);
  }

  /** Adds a service with a handler for each of its RPCs. */
  add<D extends ServiceDefinition>(definition: D, handlers: Handlers<D>): this {
    const implementation: UntypedServiceImplementation = {};
    const raw: Record<string, unknown> = {};
    for (const [name, method] of Object.entries(definition)) {
      const handle = handlers[name as keyof D]; // Handlers<D> has every key of D
      // The bytes are needed as they came: validation reads them too, and bad ones are the caller's fault, not ours.
      raw[name] = { ...method, requestDeserialize: (bytes: Buffer) => bytes };
      implementation[name] = method.responseStream
        ? this.#handlers.stream(method, handle as Parameters<HandlerFactory["stream"]>[1])
        : this.#handlers.unary(method, handle as Parameters<HandlerFactory["unary"]>[1]);
    }
    this.#server.addService(raw as Parameters<Server["addService"]>[0], implementation);
    const service = Object.values(definition)[0]?.path.split("/")[1];
    if (service) this.#services.push(service);
    return this;
  }

  /** Listens on "host:port" or "unix:/path"; resolves when calls are accepted. */
  async listen(address: string): Promise<void> {
    this.#health.addToServer(this.#server);
    // Raw descriptors keep imports and custom options; see docs/dependencies.md.
    const files = [...fileDescriptors, ...health.file].map((file) =>
      Buffer.from(toBinary(FileDescriptorProtoSchema, file)),
    );
    const services = [...this.#services, HEALTH];
    const descriptors = Object.fromEntries(services.map((service) => [service, { fileDescriptorProtos: files }]));
    new ReflectionService(descriptors as never, { services }).addToServer(this.#server);
    const bind = () =>
      new Promise<void>((resolve, reject) => {
        this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
          error ? reject(error) : resolve(),
        );
      });
    await listenAt(address, bind);
  }

  setServing(isServing: boolean): void {
    for (const service of ["", ...this.#services]) {
      this.#health.setStatus(service, isServing ? "SERVING" : "NOT_SERVING");
    }
  }

  /** Calls that are being served now. */
  get inFlight(): number {
    return this.#handlers.inFlight;
  }

  /** Refuses new calls, lets those in flight end within `ms` milliseconds, then cuts what is left. */
  async drain(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve())),
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      }),
    ]);
    clearTimeout(timer);
    this.#server.forceShutdown();
  }
}
