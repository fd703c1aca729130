#!/usr/bin/env bash
# @grpc/grpc-js 1.14.7: a server ends a call whose deadline is 30 days away within milliseconds; one of 20 days is served.
# The gRPC wire format allows up to 99999999 hours ("grpc-timeout: 99999999H"), so a server should serve both.
# Seen: 20 days -> OK, 30 days -> 4 DEADLINE_EXCEEDED after some milliseconds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null; npm install --silent --no-fund --no-audit @grpc/grpc-js@1.14.7
cat >try.mjs <<'JS'
import grpc from "@grpc/grpc-js";
import http2 from "node:http2";
const pass = (value) => value;
const method = { path: "/demo.Echo/Say", requestStream: false, responseStream: false, requestSerialize: pass, requestDeserialize: pass, responseSerialize: pass, responseDeserialize: pass };
const server = new grpc.Server();
server.addService({ Say: method }, { Say: (call, callback) => setTimeout(() => callback(null, call.request), 100) });
const port = await new Promise((resolve, reject) => server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
const session = http2.connect(`http://127.0.0.1:${port}`);
const statusWith = (timeout) => new Promise((resolve, reject) => {
  const stream = session.request({ ":method": "POST", ":path": "/demo.Echo/Say", "content-type": "application/grpc", te: "trailers", "grpc-timeout": timeout });
  let status;
  stream.on("response", (headers) => { status = headers["grpc-status"]; });
  stream.on("trailers", (trailers) => { status = trailers["grpc-status"] ?? status; });
  stream.on("close", () => resolve(status)); stream.on("error", reject);
  stream.resume(); stream.end(Buffer.from([0, 0, 0, 0, 1, 42]));
});
console.log("20 days:", await statusWith("480H"));
console.log("30 days:", await statusWith("720H"));
session.close(); server.forceShutdown();
JS
out=$(timeout 30 node try.mjs 2>/dev/null); echo "$out"
[[ $out == $'20 days: 0\n30 days: 4' ]] || { echo "grpc-js behaves differently now"; exit 1; }
