#!/usr/bin/env bash
# ts-proto 2.18.0: an enum number that a newer contract added, through what `outputEncodeMethods` and `toJSON` generate.
# proto3 JSON (protobuf.dev/programming-guides/json) writes an unknown enum value as its number, as protobuf-es does.
# Seen: decode keeps 7; toJSON with default options answers "UNRECOGNIZED", and with unrecognizedEnum=false it raises.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit --force @bufbuild/buf@1.74.0 ts-proto@2.18.0 @bufbuild/protoc-gen-es@2.17.0 @bufbuild/protobuf@2.17.0 esbuild@0.25.10
mkdir proto; cat >proto/lamp.proto <<'PROTO'
syntax = "proto3";
package lamp.v1;
message Lamp {
  enum State { STATE_UNSPECIFIED = 0; STATE_ON = 1; }
  State state = 1;
}
PROTO
cat >buf.yaml <<'YAML'
version: v2
modules: [{ path: proto }]
YAML
cat >buf.gen.yaml <<'YAML'
version: v2
plugins:
  - { local: protoc-gen-ts_proto, out: a }
  - { local: protoc-gen-ts_proto, out: c, opt: unrecognizedEnum=false }
  - { local: protoc-gen-es, out: b, opt: target=ts }
YAML
export PATH=$PWD/node_modules/.bin:$PATH
buf generate
cat >try.ts <<'TS'
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { Lamp } from "./a/lamp";
import { Lamp as Strict } from "./c/lamp";
import { LampSchema } from "./b/lamp_pb";
const bytes = Buffer.from([8, 7]);
const attempt = (work: () => unknown) => { try { return JSON.stringify(work()); } catch (error) { return `raises ${(error as Error).message}`; } };
console.log("protobuf-es:", attempt(() => toJson(LampSchema, fromBinary(LampSchema, bytes))));
console.log("ts-proto decode:", attempt(() => Lamp.decode(bytes)));
console.log("ts-proto toJSON:", attempt(() => Lamp.toJSON(Lamp.decode(bytes))));
console.log("ts-proto toJSON, unrecognizedEnum=false:", attempt(() => Strict.toJSON(Strict.decode(bytes))));
TS
esbuild --log-level=error --bundle --platform=node --outfile=try.cjs try.ts
out=$(node try.cjs); echo "$out"
[[ $out == $'protobuf-es: {"state":7}\nts-proto decode: {"state":7}\nts-proto toJSON: {"state":"UNRECOGNIZED"}\nts-proto toJSON, unrecognizedEnum=false: raises '* ]] ||
  { echo "they behave differently now"; exit 1; }
