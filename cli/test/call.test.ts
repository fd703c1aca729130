/** `row call` against a server that is not ours: another contract, known from gRPC server reflection alone. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createFileRegistry, fromBinary, fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { loadContracts } from "@row/topology/contracts.ts";
import { afterAll, beforeAll, test } from "vitest";
import { requestTemplate } from "../src/request-template.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "row-call-"));
const WEATHER = `syntax = "proto3";
package weather.v1;
import "google/protobuf/timestamp.proto";
import "weather/v1/place.proto";

// Forecasts the weather. Rarely right.
service WeatherService {
  // Gets a forecast. Errors include NOT_FOUND.
  rpc GetForecast(GetForecastRequest) returns (GetForecastResponse);
  // Watches the sky.
  rpc WatchSky(GetForecastRequest) returns (stream GetForecastResponse);
}

message GetForecastRequest {
  // Where one will be.
  Place place = 1;
  google.protobuf.Timestamp time = 2;
  repeated Kind kinds = 3;
  oneof unit { bool celsius = 4; bool kelvin = 5; }
}

message GetForecastResponse {
  string text = 1;
  int64 sure_ppm = 2;
  map<string, int64> gauges = 3;
  google.protobuf.Timestamp until = 4;
}

// What falls.
enum Kind { KIND_UNSPECIFIED = 0; KIND_RAIN = 1; }
`;
const PLACE = `syntax = "proto3";
package weather.v1;
message Place { string name = 1; map<string, Place> near = 2; }
`;

const RAIN = { text: "rain", surePpm: "9007199254740993", gauges: { ulm: "7" }, until: "2026-01-31T18:00:00Z" };

interface Foreign {
  readonly address: string;
  /** What was asked, as JSON, with its metadata. */
  readonly seen: { request: unknown; metadata: Metadata }[];
  close(): void;
}

async function serve(options: { credentials?: ServerCredentials; without?: string[]; reflects?: boolean } = {}) {
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(join(folder, "weather.binpb")));
  const contracts = createFileRegistry(set);
  const service = contracts.getService("weather.v1.WeatherService");
  assert.ok(service);
  const seen: Foreign["seen"] = [];
  const server = new Server();
  const { input, output } = service.method.getForecast ?? assert.fail();
  const answer = (json: JsonObject) => fromJson(output, json);
  const method = (name: string, responseStream: boolean) => ({
    path: `/weather.v1.WeatherService/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: Buffer.from,
    requestDeserialize: (bytes: Buffer) => toJson(input, fromBinary(input, bytes)),
    responseSerialize: (message: ReturnType<typeof answer>) => Buffer.from(toBinary(output, message)),
    responseDeserialize: Buffer.from,
  });
  server.addService(
    { getForecast: method("GetForecast", false), watchSky: method("WatchSky", true) },
    {
      getForecast(call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<unknown>) {
        seen.push({ request: call.request, metadata: call.metadata });
        const headers = new Metadata();
        headers.set("x-station", "north");
        call.sendMetadata(headers);
        const trailers = new Metadata();
        trailers.set("x-cost", "3");
        done(null, answer(RAIN), trailers);
      },
      watchSky(call: ServerWritableStream<unknown, unknown>) {
        for (const word of ["grey", "blue"]) call.write(answer({ text: word }));
        call.end();
      },
    },
  );
  if (options.reflects !== false) {
    const files = set.file.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)));
    new ReflectionService({ all: { fileDescriptorProtos: files } } as never).addToServer(server); // it reads no more than these
  }
  for (const name of options.without ?? []) server.unregister(name);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", options.credentials ?? ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  return { address: `127.0.0.1:${port}`, seen, close: () => server.forceShutdown() } satisfies Foreign;
}

let foreign: Foreign;
beforeAll(async () => {
  mkdirSync(join(folder, "weather/v1"), { recursive: true });
  writeFileSync(join(folder, "weather/v1/weather.proto"), WEATHER);
  writeFileSync(join(folder, "weather/v1/place.proto"), PLACE);
  writeFileSync(join(folder, "buf.yaml"), "version: v2\n");
  execFileSync(join(root, "node_modules/.bin/buf"), ["build", "-o", "weather.binpb"], { cwd: folder });
  foreign = await serve();
});
afterAll(() => {
  foreign?.close();
  rmSync(folder, { recursive: true });
});

async function row(...args: string[]) {
  const env = { ...process.env, ROW_STATE_DIR: join(folder, "no-shop"), ROW_ON: undefined };
  const child = spawn(process.execPath, [join(root, "cli/src/main.ts"), "call", ...args], { env, timeout: 60_000 });
  child.stdin.end();
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { stdout, stderr, status };
}

test("lists the services of a server that is not ours, and the methods of one with what they do", async () => {
  const { stdout, stderr } = await row("--address", foreign.address, "--list");
  assert.equal(stderr, "");
  assert.match(stdout, /^weather\.v1\.WeatherService {2}2 methods\n/);
  const methods = await row("--address", foreign.address, "--list", "WeatherService");
  assert.deepEqual(methods.stdout.split("\n").slice(0, 2), [
    "weather.v1.WeatherService/GetForecast  Gets a forecast",
    "weather.v1.WeatherService/WatchSky  Watches the sky",
  ]);
});

test("describes a method with its comments, its messages and a request that can be sent as it stands", async () => {
  const { stdout } = await row("--address", foreign.address, "--describe", "GetForecast");
  assert.match(
    stdout,
    /^\/\/ Gets a forecast\. Errors include NOT_FOUND\.\nrpc GetForecast\(weather\.v1\.GetForecastRequest\)/,
  );
  assert.match(stdout, /^ {2}\/\/ Where one will be\.\n {2}weather\.v1\.Place place = 1;$/m);
  assert.match(stdout, /^ {2}repeated weather\.v1\.Kind kinds = 3;$/m);
  assert.match(stdout, /^ {2}int64 sure_ppm = 2;$/m);
  const [, given = "", request = ""] = /^Call it: npx row call (--address \S+ \S+) '(.*)'$/m.exec(stdout) ?? [];
  assert.deepEqual(JSON.parse(request), {
    place: { name: "", near: { "": {} } },
    time: "2026-01-31T12:00:00Z",
    kinds: ["KIND_RAIN"],
    celsius: false,
  });
  const { status, stderr } = await row(...given.split(" "), request);
  assert.equal(status, 0, stderr);
  assert.deepEqual(foreign.seen.at(-1)?.request, {
    place: { near: { "": {} } },
    time: "2026-01-31T12:00:00Z",
    kinds: ["KIND_RAIN"],
    celsius: false,
  });
});

test("describes messages and enums by short names, and a nested one by its own", async () => {
  const message = await row("--address", foreign.address, "--describe", "Place");
  assert.match(
    message.stdout,
    /^message weather\.v1\.Place \{\n {2}string name = 1;\n {2}map<string, weather\.v1\.Place> near = 2;\n\}\n$/,
  );
  const kind = await row("--address", foreign.address, "--describe", "weather.v1.Kind");
  assert.match(kind.stdout, /^\/\/ What falls\.\nenum weather\.v1\.Kind \{\n {2}KIND_UNSPECIFIED = 0;/);
});

// https://protobuf.dev/programming-guides/json: 64-bit numbers are strings, maps are objects, times are RFC 3339.
test("calls a method that only reflection knows, for one answer and for a stream, and prints proto3 JSON", async () => {
  const one = await row("--address", foreign.address, "GetForecast", '{"place":{"name":"Ulm"}}');
  assert.deepEqual(JSON.parse(one.stdout), RAIN);
  const many = await row("--address", foreign.address, "weather.v1.WeatherService/WatchSky");
  assert.deepEqual(
    many.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).text),
    ["grey", "blue"],
  );
});

test("-v tells where a call goes, its headers, its trailers and its time, beside the answer", async () => {
  const { stdout, stderr } = await row("--address", foreign.address, "-v", "-H", "x-mark: 7", "GetForecast");
  assert.equal(JSON.parse(stdout).text, "rain");
  assert.match(stderr, new RegExp(`^> weather\\.v1\\.WeatherService/GetForecast at ${foreign.address}$`, "m"));
  assert.match(stderr, /^< x-station: north$/m);
  assert.match(stderr, /^= OK, after \S+ (µs|ms|s)$/m);
  assert.match(stderr, /^= x-cost: 3$/m);
  assert.deepEqual(foreign.seen.at(-1)?.metadata.get("x-mark"), ["7"]);
});

test("asks by v1alpha where a server knows only that, and says when it has no reflection at all", async () => {
  const old = await serve({ without: ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] });
  const silent = await serve({ reflects: false });
  try {
    assert.match((await row("--address", old.address, "--list")).stdout, /^weather\.v1\.WeatherService /);
    const { stderr, status } = await row("--address", silent.address, "--list");
    assert.deepEqual(
      [stderr, status],
      [`Cannot ask ${silent.address} what it serves: it has no gRPC server reflection\n`, 1],
    );
  } finally {
    old.close();
    silent.close();
  }
  assert.match(
    (await row("--address", "127.0.0.1:1", "--list")).stderr,
    /^Cannot ask 127\.0\.0\.1:1 what it serves: UNAVAILABLE/,
  );
});

test("speaks TLS with a server whose certificate a file vouches for", async () => {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = ["-subj", "/CN=weather", "-addext", "subjectAltName=DNS:weather.example"];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", [...made, "-keyout", key, "-out", certificate, ...names], { stdio: "ignore" });
  const pair = { private_key: readFileSync(key), cert_chain: readFileSync(certificate) };
  const secure = await serve({ credentials: ServerCredentials.createSsl(null, [pair]) });
  const trusting = ["--address", secure.address, "--tls", "--ca", certificate, "--authority", "weather.example"];
  try {
    const { stdout, stderr } = await row(...trusting, "GetForecast");
    assert.equal(JSON.parse(stdout || "{}").text, "rain", stderr);
    const untrusted = await row(...trusting.filter((word) => word !== "--ca" && word !== certificate), "--list");
    assert.match(untrusted.stderr, /^Cannot ask .*self-signed certificate/);
    const nameless = await row("--address", secure.address, "--tls", "--list");
    assert.match(nameless.stderr, /^Cannot speak TLS with an IP address: say with --authority/);
  } finally {
    secure.close();
  }
  assert.match((await row("--tls", "--list", "X")).stderr, /^Cannot use --authority, --tls or --ca: /);
});

test("lists and describes our own contracts while no shop runs, with their comments", async () => {
  const { stdout } = await row("--list");
  assert.match(stdout, /^shop\.catalog\.v1\.CatalogService {2}\d+ methods$/m);
  const method = await row("--describe", "CatalogService.GetProduct");
  assert.match(method.stdout, /^\/\/ Gets a product/);
  assert.match(method.stdout, /^Call it: npx row call shop\.catalog\.v1\.CatalogService\/GetProduct '\{.*\}'$/m);
  assert.match((await row("--list", "Nothing")).stderr, /^There is no service Nothing: there are .*CatalogService/);
  assert.match((await row()).stderr, /^Cannot call: name a method; `npx row call --list` lists the services\n$/);
  assert.match(
    (await row("Get")).stderr,
    /^No contract has a method Get: there are \w+\.Get\w+.*; `npx row call --list`/,
  );
});

test("a template of each request of our contracts can be read as that request", () => {
  const contracts = loadContracts(root);
  const methods = [...contracts].flatMap((type) => (type.kind === "service" ? type.methods : []));
  assert.ok(methods.length > 20);
  for (const { input, name } of methods) {
    const template = requestTemplate(input);
    assert.doesNotThrow(() => fromJson(input, template), name);
    assert.equal(Object.keys(template as object).length > 0, input.fields.length > 0, name); // a message's is an object
  }
});
