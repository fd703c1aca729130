#!/usr/bin/env bash
# node:http2: a server cannot announce its end and go on: after session.goaway(NO_ERROR, 2^31-1), the first GOAWAY of a graceful shutdown
# (RFC 9113, section 6.8: it leaves room for streams that are on their way), new streams are ignored without an answer.
# Expected: the request that came after that GOAWAY was sent is answered, as its stream id is below 2^31-1.
# Seen: no answer within a second; the next GOAWAY refuses it. nghttp2 has submit_shutdown_notice for this, which Node does not expose.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >try.mjs <<'JS'
import http2 from "node:http2";
const server = http2.createServer((request, response) => response.end("answered"));
let session;
server.on("session", (one) => { session = one; });
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
client.on("error", () => {});
const ask = () => new Promise((resolve) => {
  const stream = client.request({ ":path": "/" });
  stream.on("response", () => resolve("answered")); stream.on("error", (error) => resolve(error.message));
  stream.resume(); stream.end();
  setTimeout(() => resolve("no answer within a second"), 1_000);
});
console.log("before:", await ask());
session.goaway(http2.constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
console.log("after the first GOAWAY:", await ask()); // sent before the client has read it
process.exit(0);
JS
out=$(timeout 30 node try.mjs); echo "$out"
[[ $out == $'before: answered\nafter the first GOAWAY: no answer within a second' ]] || { echo "Node behaves differently now"; exit 1; }
