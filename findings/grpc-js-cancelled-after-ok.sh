#!/usr/bin/env bash
# @grpc/grpc-js 1.14.7: a server call emits "cancelled" also when it was answered with OK and the client is still there.
# Its name and grpc-node's own examples suggest that it tells of a caller who left.
# Seen: answered, then cancelled; `call.cancelled` is true by then.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null; npm install --silent --no-fund --no-audit @grpc/grpc-js@1.14.7
cat >try.mjs <<'JS'
import grpc from "@grpc/grpc-js";
const pass = (value) => value;
const method = { path: "/demo.Echo/Say", requestStream: false, responseStream: false, requestSerialize: pass, requestDeserialize: pass, responseSerialize: pass, responseDeserialize: pass };
const server = new grpc.Server();
const seen = [];
const over = new Promise((resolve) => {
  server.addService({ Say: method }, { Say: (call, callback) => {
    call.on("cancelled", () => { seen.push(`cancelled (call.cancelled is ${call.cancelled})`); resolve(); });
    callback(null, call.request);
    seen.push("answered OK");
  } });
});
const port = await new Promise((resolve, reject) => server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
await new Promise((resolve, reject) => client.makeUnaryRequest(method.path, pass, pass, Buffer.from("x"), { deadline: Date.now() + 5000 }, (error, value) => (error ? reject(error) : resolve(value))));
await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 2000))]);
console.log(seen.join(", "));
client.close(); server.forceShutdown();
JS
out=$(timeout 30 node try.mjs); echo "$out"
[[ $out == "answered OK, cancelled (call.cancelled is "*")" ]] || { echo "grpc-js behaves differently now"; exit 1; }
