#!/usr/bin/env bash
# @grpc/proto-loader 0.8.1: what `loadFileDescriptorSetFromBuffer` makes of a descriptor set, as a server's reflection gives it.
# proto3 JSON (protobuf.dev/programming-guides/json) writes a map as an object and refuses a field that is not there, as protobuf-es does;
# proto-loader's own `load` of the same .proto file takes the map as an object and the names in camel case.
# Seen: of descriptors it takes maps as lists of entries, has names in snake case whatever `keepCase` says, and drops a misspelled field without a word.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --silent --no-fund --no-audit --force @bufbuild/buf@1.74.0 @grpc/proto-loader@0.8.1 @bufbuild/protobuf@2.17.0
mkdir proto; cat >proto/lamp.proto <<'PROTO'
syntax = "proto3";
package lamp.v1;
service LampService { rpc Change(Lamp) returns (Lamp); }
message Lamp { string full_name = 1; map<string, int64> gauges = 2; }
PROTO
printf "version: v2\nmodules: [{ path: proto }]\n" >buf.yaml
node_modules/.bin/buf build -o lamp.binpb
cat >try.cjs <<'JS'
const { readFileSync } = require("node:fs");
const { load, loadFileDescriptorSetFromBuffer } = require("@grpc/proto-loader");
const { createFileRegistry, fromBinary, fromJson } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");
const set = readFileSync("lamp.binpb");
const attempt = (work) => { try { return JSON.stringify(work()); } catch (error) { return `raises ${error.message}`; } };
const throughAndBack = (definition, value) => {
  const { requestSerialize, requestDeserialize } = definition["lamp.v1.LampService"].Change;
  return attempt(() => requestDeserialize(requestSerialize(value)));
};
load("proto/lamp.proto", { longs: String }).then((file) => {
  const descriptors = loadFileDescriptorSetFromBuffer(set, { longs: String, keepCase: false });
  const lamp = { fullName: "a", gauges: { b: "1" } };
  console.log("file:", throughAndBack(file, lamp));
  console.log("descriptors, map as object:", throughAndBack(descriptors, { gauges: { b: "1" } }));
  console.log("descriptors, map as list:", throughAndBack(descriptors, { full_name: "a", gauges: [{ key: "b", value: "1" }] }));
  console.log("descriptors, misspelled:", throughAndBack(descriptors, { fullName: "a" }));
  const schema = createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getMessage("lamp.v1.Lamp");
  console.log("protobuf-es, misspelled:", attempt(() => fromJson(schema, { fulName: "a" })));
});
JS
out=$(node try.cjs); echo "$out"
[[ $out == 'file: {"fullName":"a","gauges":{"b":"1"}}'*'map as object: raises '*'array expected'*'map as list: {"full_name":"a","gauges":[{"key":"b","value":"1"}]}'*'descriptors, misspelled: {}'*'protobuf-es, misspelled: raises '*'unknown'* ]] ||
  { echo "they behave differently now"; exit 1; }
