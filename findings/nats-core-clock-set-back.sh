#!/usr/bin/env bash
# @nats-io/transport-node 3.4.0 (nats-core): a client whose wall clock is set back an hour never tries to reconnect in that hour.
# Expected: after reconnectTimeWait (here 100 ms) it dials again, whatever the clock says. It adds the wait to Date.now() of its last try.
# Seen: clock left alone -> dialled again; clock set back -> not dialled within 3 s. `reconnectDelayHandler: () => -Infinity` gets it going.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null; npm install --silent --no-fund --no-audit @nats-io/transport-node@3.4.0
cat >try.mjs <<'JS'
import { createServer } from "node:net";
import { connect } from "@nats-io/transport-node";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const dialsAfter = async (setBackMs, more = {}) => {
  let dials = 0;
  const sockets = new Set();
  const server = createServer((socket) => {
    dials += 1; sockets.add(socket); socket.on("error", () => {});
    socket.write('INFO {"server_id":"A","version":"2.10.0","proto":1,"max_payload":1048576}\r\n');
    socket.on("data", (bytes) => { if (String(bytes).includes("PING")) socket.write("PONG\r\n"); });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const nc = await connect({ servers: `127.0.0.1:${server.address().port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100, ...more });
  const before = dials, now = Date.now;
  Date.now = () => now() - setBackMs;
  for (const socket of sockets) socket.destroy();
  await sleep(3_000);
  Date.now = now;
  const again = dials > before;
  void nc.close(); server.close(); for (const socket of sockets) socket.destroy();
  return again ? "dialled again" : "not dialled within 3 s";
};
console.log("clock left alone:", await dialsAfter(0));
console.log("clock set back an hour:", await dialsAfter(3_600_000));
console.log("with a delay of its own:", await dialsAfter(3_600_000, { reconnectDelayHandler: () => Number.NEGATIVE_INFINITY }));
process.exit(0);
JS
out=$(timeout 60 node try.mjs 2>/dev/null); echo "$out"
[[ $out == $'clock left alone: dialled again\nclock set back an hour: not dialled within 3 s\nwith a delay of its own: dialled again' ]] || { echo "nats-core behaves differently now"; exit 1; }
