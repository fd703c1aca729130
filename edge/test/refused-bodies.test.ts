/** A refused body leaves its connection usable: the rest of it is not waited for, and fills no window. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { GetProductRequest } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { EdgeUnderTest, PRODUCT_ID } from "./edge-under-test.ts";

const PATH = "/shop.catalog.v1.CatalogService/GetProduct";
const TOO_LONG = 1_300_000;

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
});
afterAll(() => edge.stop());
afterEach(() => edge.catalog.forget());

function enveloped(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  readonly resetWith: number | undefined;
}

/** Sends a call and waits for its end, for three seconds at most. */
async function call(session: ClientHttp2Session, contentType: string, body: Buffer): Promise<Answer> {
  const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": contentType, te: "trailers" });
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let text = "";
  stream.on("response", (given) => {
    headers = given;
  });
  stream.on("trailers", (given) => {
    trailers = given;
  });
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  stream.on("error", () => {}); // what the stream was reset with is looked at
  stream.end(body);
  await once(stream, "close", { signal: AbortSignal.timeout(3_000) });
  return { headers, trailers, body: text, resetWith: stream.rstCode };
}

const protocols = [
  { name: "gRPC", contentType: "application/grpc+proto", frame: enveloped },
  { name: "gRPC-Web", contentType: "application/grpc-web+proto", frame: enveloped },
  { name: "Connect", contentType: "application/proto", frame: (message: Uint8Array) => Buffer.from(message) },
];

for (const { name, contentType, frame } of protocols) {
  test(`a body over the limit is refused over ${name}, and its h2c connection serves the next calls`, async () => {
    edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
    const session = connect(edge.grpcUrl);
    session.on("error", () => {});
    try {
      for (let time = 0; time < 3; time += 1) {
        const refused = await call(session, contentType, frame(Buffer.alloc(TOO_LONG)));
        assert.equal(refused.headers[":status"], name === "Connect" ? 429 : 200, name);
        const said = `${refused.headers["grpc-status"]} ${refused.trailers["grpc-status"]} ${refused.body}`;
        assert.match(said, /\b8\b|grpc-status: 8|resource_exhausted/i);
        // RFC 9113, section 8.1: NO_ERROR asks the client to stop sending, and takes nothing of the answer back.
        assert.equal(refused.resetWith, 0);
        const served = await call(session, contentType, frame(GetProductRequest.encode({ id: PRODUCT_ID }).finish()));
        assert.equal(served.headers[":status"], 200);
        assert.match(served.body, new RegExp(PRODUCT_ID));
      }
    } finally {
      session.destroy();
    }
  });

  test(`a body over the limit that never ends does not keep its h2c stream open over ${name}`, async () => {
    const session = connect(edge.grpcUrl);
    session.on("error", () => {});
    try {
      const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": contentType });
      stream.on("error", () => {});
      stream.resume();
      stream.write(frame(Buffer.alloc(TOO_LONG)));
      await once(stream, "close", { signal: AbortSignal.timeout(3_000) });
      assert.equal(stream.rstCode, 0);
    } finally {
      session.destroy();
    }
  });
}

test("over HTTP/1.1 a refused body ends its connection, and the answer says so (RFC 9112, section 9.6)", async () => {
  for (const type of ["application/proto", "application/grpc-web+proto", "application/json"]) {
    const socket = connectTcp(Number(new URL(edge.url).port), "127.0.0.1");
    socket.on("error", () => {});
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    const path = type === "application/json" ? "/v1/orders" : PATH;
    socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ncontent-length: 9999999\r\n\r\n`);
    socket.write(Buffer.alloc(TOO_LONG));
    await once(socket, "close", { signal: AbortSignal.timeout(6_000) });
    assert.match(answer, /^HTTP\/1\.1 \d{3} /, type);
    assert.match(answer, /\r\nconnection: close\r\n/i, type);
  }
});
