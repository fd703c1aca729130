#!/usr/bin/env bash
# ts-proto 2.18.0 beside @bufbuild/protobuf 2.17.0: an embedded message field that occurs twice on the wire.
# protobuf.dev/programming-guides/encoding: "parsers ... merge multiple instances of the same field" for embedded messages.
# Seen: protobuf-es merges both pieces; what ts-proto generates keeps the last piece only, so the first one's fields are lost.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit --force @bufbuild/buf@1.74.0 ts-proto@2.18.0 @bufbuild/protoc-gen-es@2.17.0 @bufbuild/protobuf@2.17.0 esbuild@0.25.10
mkdir proto; cat >proto/parcel.proto <<'PROTO'
syntax = "proto3";
package parcel.v1;
message Address { string city = 1; string country = 2; }
message Parcel { Address to = 1; }
PROTO
cat >buf.yaml <<'YAML'
version: v2
modules: [{ path: proto }]
YAML
cat >buf.gen.yaml <<'YAML'
version: v2
plugins:
  - { local: protoc-gen-ts_proto, out: a }
  - { local: protoc-gen-es, out: b, opt: target=ts }
YAML
export PATH=$PWD/node_modules/.bin:$PATH
buf generate
cat >try.ts <<'TS'
import { fromBinary } from "@bufbuild/protobuf";
import { Parcel } from "./a/parcel";
import { ParcelSchema } from "./b/parcel_pb";
const pieces = Buffer.concat([Parcel.encode({ to: { city: "Kiel", country: "" } }).finish(), Parcel.encode({ to: { city: "", country: "DE" } }).finish()]);
const es = fromBinary(ParcelSchema, pieces).to;
const ts = Parcel.decode(pieces).to;
console.log(`protobuf-es: city "${es?.city}", country "${es?.country}"`);
console.log(`ts-proto: city "${ts?.city}", country "${ts?.country}"`);
TS
esbuild --log-level=error --bundle --platform=node --outfile=try.cjs try.ts
out=$(node try.cjs); echo "$out"
[[ $out == $'protobuf-es: city "Kiel", country "DE"\nts-proto: city "", country "DE"' ]] || { echo "they behave differently now"; exit 1; }
