/** Answers REST requests: find the route, admit the user, read the request, call the service, write the answer. */
import type { OutgoingHttpHeaders } from "node:http";
import type { DescMessage } from "@bufbuild/protobuf";
import { metadataRefusal } from "@row/runtime/rpc/metadata-limit.ts";
import { validateBytes } from "@row/runtime/rpc/validate.ts";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Backend, deadlineOf } from "../backend.ts";
import { InboundCall, type ServerContext } from "../inbound-call.ts";
import { fromThrown } from "../rpc-error.ts";
import type { Binding } from "./binding.ts";
import { statusJson } from "./error-status.ts";
import {
  contentEncodingUnsupported,
  type HttpRefusal,
  headersTooLarge,
  methodNotAllowed,
  pathNotFound,
} from "./http-refusal.ts";
import { headersOf, sendError, sendJson } from "./reply.ts";
import { decodeRequest } from "./request-decoder.ts";
import { responseJson } from "./response.ts";
import { Router } from "./router.ts";
import { Stopping } from "./stopping.ts";
import { writeStream } from "./stream.ts";
import { chooseFormat } from "./stream-format.ts";
import { type AnswerForm, takeSystemParameters } from "./system-parameters.ts";
import { askedTimeout } from "./timeout.ts";

export interface RestOptions {
  readonly serverContext: ServerContext;
  readonly backends: ReadonlyMap<string, Backend>;
  readonly bindings: readonly Binding[];
  readonly heartbeatMs: number;
  readonly stalledMs: number;
  /** Ends the streams when the process stops. */
  readonly stopping: AbortSignal;
}

/** A route, with all that can be known of it beforehand. */
interface Route {
  readonly binding: Binding;
  readonly backend: Backend;
  readonly input: DescMessage;
  /** "GET /v1/products/{id}", as spans and logs name it. */
  readonly name: string;
}

export class RestHandler {
  readonly #options: RestOptions;
  readonly #router = new Router<Route>();

  constructor(options: RestOptions) {
    this.#options = options;
    for (const binding of options.bindings) {
      const backend = options.backends.get(binding.contract.service);
      if (!backend) continue;
      const { httpMethod, path, contract } = binding;
      const route = { binding, backend, input: contract.descriptor.input, name: `${httpMethod} ${path}` };
      this.#router.add(httpMethod, path, route);
    }
  }

  /** Answers any request; never rejects. */
  readonly handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const url = request.raw.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const match = this.#router.find(request.method, path);
    const inbound = this.inbound(match ? match.route.name : "no route", request);
    if (!match) {
      sendError(reply, inbound, this.#notServed(request.method, path));
      return reply;
    }
    const { route, segments } = match;
    try {
      const { headers } = request;
      const tooLarge = metadataRefusal(request.raw.rawHeaders);
      if (tooLarge) throw headersTooLarge(tooLarge);
      const waiting = inbound.admit(route.binding.contract, headers.authorization);
      if (waiting) await waiting;
      const lastEventId = headerOf(headers["last-event-id"]);
      const { own, form } = takeSystemParameters(mark < 0 ? "" : url.slice(mark + 1));
      const asked = decodeRequest(route.binding, {
        segments,
        query: own,
        body: bodyOf(request),
        idempotencyKey: headerOf(headers["idempotency-key"]),
        caller: inbound.caller,
        lastEventId,
      });
      const bytes = validateBytes(route.input, asked);
      const deadline = deadlineOf(route.binding.contract, askedTimeout(headerOf(headers["x-server-timeout"])));
      if (route.binding.contract.descriptor.methodKind === "server_streaming") {
        await this.#stream(request, reply, route, inbound, bytes, deadline, form, lastEventId !== undefined);
      } else {
        await this.#unary(request, reply, route, inbound, bytes, deadline, form);
      }
    } catch (error) {
      sendError(reply, inbound, error, route.input);
    }
    return reply;
  };

  /** Why nothing here answers that method at that path; undefined when something does. */
  refusalOf(method: string, path: string): HttpRefusal | undefined {
    return this.#router.find(method, path) ? undefined : this.#notServed(method, path);
  }

  #notServed(method: string, path: string): HttpRefusal {
    const allowed = this.#router.methodsOf(path);
    return allowed.length > 0 ? methodNotAllowed(method, path, allowed) : pathNotFound(method, path);
  }

  /** The start of a request's way, for errors that come up outside of `handle` too. */
  inbound(name: string, request: FastifyRequest): InboundCall {
    const headerOf = (header: string) => request.headers[header]?.toString(); // one that came twice has been joined
    return new InboundCall(this.#options.serverContext, name, headerOf, request);
  }

  async #unary(
    request: FastifyRequest,
    reply: FastifyReply,
    route: Route,
    inbound: InboundCall,
    bytes: Buffer,
    deadline: number,
    form: AnswerForm,
  ) {
    let cancel = () => {};
    const { socket } = request.raw;
    const onClose = () => cancel();
    socket.once("close", onClose);
    try {
      const answer = await route.backend.unary(route.binding.contract, bytes, inbound, deadline, (how) => {
        cancel = how;
      });
      sendJson(request, reply, route.binding, inbound, responseJson(route.binding, answer, form));
    } finally {
      socket.removeListener("close", onClose);
    }
  }

  async #stream(
    request: FastifyRequest,
    reply: FastifyReply,
    route: Route,
    inbound: InboundCall,
    bytes: Buffer,
    deadline: number,
    form: AnswerForm,
    isResumed: boolean,
  ): Promise<void> {
    const { binding } = route;
    const format = chooseFormat(request.headers.accept);
    const always = reply.getHeaders() as OutgoingHttpHeaders; // only ever set to strings
    if (request.method === "HEAD") {
      // A stream that nobody reads would have no end.
      reply.raw.writeHead(200, { ...always, ...headersOf(inbound), ...format.headers }).end();
      reply.hijack();
      inbound.finish(200);
      return;
    }
    const gone = new AbortController();
    const onClose = () => gone.abort();
    reply.raw.once("close", onClose);
    const signal = AbortSignal.any([gone.signal, this.#options.stopping]);
    const status = await writeStream(
      reply.raw,
      route.backend.stream(binding.contract, bytes, inbound, deadline, signal),
      {
        binding,
        format,
        form: { ...form, isPretty: false }, // one message is one line
        headers: () => ({ ...always, ...headersOf(inbound) }),
        statusJson: (error) => {
          const thrown = this.#options.stopping.aborted ? new Stopping() : error;
          return JSON.stringify(statusJson(fromThrown(thrown, inbound.correlationId).error, route.input));
        },
        heartbeatMs: this.#options.heartbeatMs,
        stalledMs: this.#options.stalledMs,
        isResumed,
      },
    );
    reply.hijack();
    inbound.finish(status);
  }
}

function bodyOf({ body, headers }: FastifyRequest): Buffer | undefined {
  if (!Buffer.isBuffer(body)) return undefined;
  const coding = headers["content-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "identity") throw contentEncodingUnsupported(coding);
  return body;
}

function headerOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
