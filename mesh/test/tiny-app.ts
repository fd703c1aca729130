/** A gRPC app of a few lines: says who it is and what it was sent; is empty, fails or waits when asked to. */
import {
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  credentials,
  Metadata,
  type MethodDefinition,
  makeClientConstructor,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { Workload } from "../src/haproxy/workload.ts";
import type { SidecarLab } from "./sidecar-lab.ts";

const asIs = (bytes: Buffer) => bytes;

function definition(path: string, isStream: boolean): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: false,
    responseStream: isStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

/** What a call came back with. */
export interface Answer {
  readonly code: status;
  readonly details: string;
  /** The instance that answered. */
  readonly by: string;
  /** Request headers as the app saw them. */
  readonly seen: Readonly<Record<string, string>>;
}

export interface App {
  /** Calls so far. */
  readonly calls: () => number;
  /** Calls and streams so far whose caller left before the end, as the app was told. */
  readonly left: () => number;
  /** grpc-status to answer from now on; 0 is OK. */
  fail(code: status): void;
  stop(): Promise<void>;
}

/** Serves these unary methods, and `/row.Stream/Watch`, which sends one message and stays open. */
export async function serve(lab: SidecarLab, workload: Workload, paths: readonly string[]): Promise<App> {
  const server = new Server({ "grpc.enable_channelz": 0 });
  let calls = 0;
  let left = 0;
  const onLeave = () => {
    left++;
  };
  let code: status = status.OK;
  for (const path of paths) {
    server.register(
      path,
      (
        call: { metadata: Metadata; on(event: "cancelled", listener: () => void): unknown },
        done: (error: Partial<ServiceError> | null, bytes?: Buffer) => void,
      ) => {
        calls++;
        let isAnswered = false;
        // grpc-js says so of every call in the end.
        call.on("cancelled", () => isAnswered || onLeave());
        const seen = Object.fromEntries(
          Object.entries(call.metadata.getMap()).map(([name, value]) => [name, String(value)]),
        );
        const answer = () => {
          isAnswered = true;
          if (code !== status.OK) return done({ code, details: `failing as told` });
          const errorBytes = Number(seen["x-error-bytes"] ?? 0);
          if (errorBytes > 0) {
            const metadata = new Metadata();
            metadata.set("grpc-status-details-bin", Buffer.alloc(errorBytes, 7));
            return done({ code: status.INVALID_ARGUMENT, details: "wrong as told", metadata });
          }
          done(null, Buffer.from(seen["x-empty"] ? "" : JSON.stringify({ by: workload.instance, seen })));
        };
        const wait = Number(seen["x-wait-ms"] ?? 0);
        if (wait > 0) setTimeout(answer, wait);
        else answer();
      },
      asIs,
      asIs,
      "unary",
    );
  }
  const watch = definition("/row.Stream/Watch", true);
  server.register(
    watch.path,
    (call: { write(bytes: Buffer): void; on(event: "cancelled", listener: () => void): unknown }) => {
      calls++;
      call.on("cancelled", onLeave);
      call.write(Buffer.from(workload.instance));
    },
    asIs,
    asIs,
    "serverStream",
  );
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${workload.appSocket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  lab.onClose(() => server.forceShutdown());
  return {
    calls: () => calls,
    left: () => left,
    fail: (next) => {
      code = next;
    },
    stop: async () => server.forceShutdown(),
  };
}

interface ChannelPlan extends ChannelOptions {
  /** Default: none. */
  readonly credentials?: ChannelCredentials;
}

const Caller = makeClientConstructor({}, "caller");

/** A channel to "unix:/…" or "host:port". */
export function channel(
  lab: SidecarLab,
  address: string,
  { credentials: given = credentials.createInsecure(), ...options }: ChannelPlan = {},
): Client {
  const client = new Caller(address, given, {
    "grpc.enable_channelz": 0,
    ...options,
  });
  lab.onClose(() => client.close());
  return client;
}

/** The app's own channel to a service it calls. */
export function outboundOf(
  lab: SidecarLab,
  { sidecar }: Workload,
  service: string,
  options: ChannelOptions = {},
): Client {
  return channel(lab, `unix:${sidecar.outboundSockets[service]}`, options);
}

/** Never rejects: what went wrong is the answer's code. */
export function ask(client: Client, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      asIs,
      asIs,
      Buffer.alloc(0),
      metadata,
      { deadline: Date.now() + 10_000 },
      (error: ServiceError | null, bytes?: Buffer) => {
        if (error) return resolve({ code: error.code, details: error.details, by: "", seen: {} });
        const { by, seen } = JSON.parse(String(bytes) || '{ "by": "", "seen": {} }');
        resolve({ code: status.OK, details: "", by, seen });
      },
    );
  });
}

/** Opens the app's stream; `code` is there when it has ended. */
export function watch(client: Client, onMessage: (message: string) => void) {
  const call = client.makeServerStreamRequest("/row.Stream/Watch", asIs, asIs, Buffer.alloc(0));
  const stream: { code?: status; cancel(): void } = { cancel: () => call.cancel() };
  call.on("data", (bytes: Buffer) => onMessage(String(bytes)));
  call.on("error", () => {}); // told by the status
  call.on("status", ({ code }) => {
    stream.code = code;
  });
  return stream;
}
