#!/usr/bin/env bash
# A string field whose bytes are not UTF-8, in @bufbuild/protobuf 2.17.0, ts-proto 2.18.0 and protobufjs 7.5.4 (below @grpc/proto-loader).
# protobuf.dev/programming-guides/proto3: "A string must always contain UTF-8 encoded or 7-bit ASCII text".
# Seen: protobuf-es refuses the message; the others answer U+FFFD for the byte, and what is written back has other bytes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit --force @bufbuild/buf@1.74.0 ts-proto@2.18.0 @bufbuild/protoc-gen-es@2.17.0 @bufbuild/protobuf@2.17.0 protobufjs@7.5.4 esbuild@0.25.10
mkdir proto; cat >proto/note.proto <<'PROTO'
syntax = "proto3";
package note.v1;
message Note { string text = 1; }
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
import protobuf from "protobufjs";
import { Note } from "./a/note";
import { NoteSchema } from "./b/note_pb";
const bytes = Buffer.from([10, 3, 97, 0xe4, 98]); // "aäb" in Latin-1
const attempt = (work: () => string) => { try { return JSON.stringify(work()); } catch { return "refuses it"; } };
const root = protobuf.loadSync("proto/note.proto").lookupType("note.v1.Note");
console.log("protobuf-es:", attempt(() => fromBinary(NoteSchema, bytes).text));
console.log("ts-proto:", attempt(() => Note.decode(bytes).text));
console.log("protobufjs:", attempt(() => (root.decode(bytes) as unknown as { text: string }).text));
TS
esbuild --log-level=error --bundle --platform=node --outfile=try.cjs try.ts
out=$(node try.cjs); echo "$out"
[[ $out == $'protobuf-es: refuses it\nts-proto: "a\uFFFDb"\nprotobufjs: "a\uFFFDb"' ]] || { echo "they behave differently now"; exit 1; }
