/** `row call`: calls a method over gRPC and prints its answer as JSON. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { text } from "node:stream/consumers";
import type { DescMethod, FileRegistry, JsonValue } from "@bufbuild/protobuf";
import { credentials as channelCredentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { loadContracts } from "@row/topology/contracts.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { collect } from "../collect.ts";
import { describeText, listText } from "../contract-text.ts";
import { duration } from "../durations.ts";
import { callMethod, clientFor, type DynamicCall, findMethod, type Way } from "../dynamic-client.ts";
import { describeFailure } from "../grpc-failure.ts";
import { reflect } from "../reflection.ts";
import type { Connection, Target } from "../target.ts";
import { demoAddress } from "./welcome.ts";

interface CallFlags {
  as?: string;
  token?: string;
  header: string[];
  address?: string;
  authority?: string;
  tls?: boolean;
  ca?: string;
  timeout?: string;
  list?: string | true;
  describe?: string;
  verbose?: boolean;
}

export function callCommand(target: () => Target): Command {
  return new Command("call")
    .description("call a method over gRPC and print its answer as JSON; or list and describe what there is to call")
    .argument("[method]", "such as shop.orders.v1.OrderService/GetOrder or OrderService.GetOrder")
    .argument("[json]", "the request as proto3 JSON; - reads it from standard input", "{}")
    .option("--list [service]", "list the services, or the methods of one, instead")
    .option(
      "--describe <name>",
      "show a method with its messages and a request to fill in, or a service, message or enum",
    )
    .option("--as <user>", "log in as a demo user first: alice, bob, merchant, admin, or any address")
    .option("--token <token>", "an access token to send")
    .option("-H, --header <name:value>", "metadata to send; may be repeated", collect, [])
    .option("-v, --verbose", "also show where the call goes, headers, trailers and how long it took")
    .option("--timeout <seconds>", "give up after this long; 10 for one answer, and never for a stream")
    .option(
      "--address <host:port>",
      "call this address instead of the toolbox, or of the service's own without the mesh; what is not in the contracts is asked of it by reflection",
    )
    .option("--authority <name>", "what to call the server in requests, with --address; its address unless given")
    .option("--tls", "speak TLS, with --address")
    .option("--ca <file>", "the PEM certificates to trust, with --tls; the public ones unless given")
    .action(async (method: string | undefined, json: string, flags: CallFlags) => {
      const connection = await target().connect();
      try {
        await act(connection, method, json, flags);
      } catch (error) {
        // The call only knows that its connection broke.
        throw connection.failure() ?? error;
      } finally {
        connection.close();
      }
    });
}

async function act(connection: Connection, name: string | undefined, json: string, flags: CallFlags): Promise<void> {
  const { list, describe, address, authority, tls, ca } = flags;
  if (!address && (authority || tls || ca)) {
    throw new RowError("Cannot use --authority, --tls or --ca: they are for a server that --address names");
  }
  if (list !== undefined || describe !== undefined) {
    const contracts = await contractsToShow(connection, flags);
    const service = typeof list === "string" ? list : undefined;
    const again = flagsAgain(flags);
    return console.log(
      describe === undefined ? listText(contracts, service, again) : describeText(contracts, describe, again),
    );
  }
  if (name === undefined) throw new RowError("Cannot call: name a method; `npx row call --list` lists the services");
  await call(connection, name, json, flags);
}

/** The flags that lead to the same server. */
function flagsAgain({ address, authority, tls, ca }: CallFlags): string {
  const given = Object.entries({ address, authority, ca }).flatMap(([name, value]) =>
    value === undefined ? [] : [` --${name} ${value}`],
  );
  return [...given, ...(tls ? [" --tls"] : [])].join("");
}

/** What a server has that is named, and the shop's own contracts otherwise. */
async function contractsToShow(connection: Connection, flags: CallFlags): Promise<FileRegistry> {
  const ours = loadContracts(connection.root, { withComments: true });
  return flags.address ? reflected(await wayTo(connection, "", flags), ours) : ours;
}

async function reflected(way: Way, ours: FileRegistry): Promise<FileRegistry> {
  const client = clientFor(way);
  try {
    return await reflect(client, way.address, ours);
  } finally {
    client.close();
  }
}

async function wayTo(connection: Connection, serviceType: string, flags: CallFlags): Promise<Way> {
  const { address, authority, tls, ca } = flags;
  if (tls && !authority && isIP(address?.replace(/:\d+$/, "").replace(/^\[|\]$/g, "") ?? "")) {
    throw new RowError("Cannot speak TLS with an IP address: say with --authority whose certificate is expected");
  }
  return {
    address: await connection.addressOf(serviceType, address),
    authority,
    ...(tls && { credentials: channelCredentials.createSsl(ca === undefined ? null : readCertificates(ca)) }),
  };
}

function readCertificates(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new RowError(
      `Cannot read ${file}: ${codeOf(error) === "ENOENT" ? "there is no such file" : messageOf(error)}`,
    );
  }
}

/** By our own contracts where they have the method, and else by what the server says of itself. */
async function findCallee(connection: Connection, name: string, flags: CallFlags) {
  const ours = loadContracts(connection.root);
  try {
    const method = findMethod(ours, name);
    return { contracts: ours, method, way: await wayTo(connection, method.parent.typeName, flags) };
  } catch (error) {
    if (!flags.address || !(error instanceof RowError)) throw error;
    const way = await wayTo(connection, "", flags);
    const contracts = await reflected(way, ours);
    return { contracts, method: findMethod(contracts, name), way };
  }
}

async function call(connection: Connection, name: string, json: string, flags: CallFlags): Promise<void> {
  const { contracts, method, way } = await findCallee(connection, name, flags);
  const request = parse(json === "-" ? await text(process.stdin) : json);
  const isStream = method.methodKind === "server_streaming";
  const timeoutMs = seconds(flags.timeout ?? (isStream ? "0" : "10")) * 1000;
  try {
    const metadata = new Metadata();
    for (const header of flags.header) setHeader(metadata, header);
    const token = flags.as ? await logIn(connection, flags.as) : flags.token;
    if (token) metadata.set("authorization", `Bearer ${token}`);
    const servedBy: string[] = [];
    const shown = flags.verbose ? inDetail(way, method) : {};
    const onServedBy = (name: string) => servedBy.push(name);
    const answers = callMethod({ ...way, method, request, metadata, contracts, timeoutMs, onServedBy, ...shown });
    for await (const answer of answers) console.log(JSON.stringify(answer, null, isStream ? 0 : 2));
    if (servedBy.length > 0) console.error(`Served by ${servedBy.join(", ")}`);
  } catch (error) {
    if (isServiceError(error)) throw new RowError(describeFailure(error, contracts));
    throw error;
  }
}

/** Tells on standard error what a call is like, so that standard output has the answer alone. */
function inDetail({ address }: Way, { parent, name }: DescMethod): Pick<DynamicCall, "onHeaders" | "onEnd"> {
  const startedAt = performance.now();
  const tell = (sign: string, metadata: Metadata) => {
    for (const [key, value] of Object.entries(metadata.getMap())) {
      console.error(`${sign} ${key}: ${Buffer.isBuffer(value) ? value.toString("base64") : value}`);
    }
  };
  console.error(`> ${parent.typeName}/${name} at ${address}`);
  return {
    onHeaders: (headers) => tell("<", headers),
    onEnd({ code, details, metadata }) {
      console.error(
        `= ${status[code]}${code === status.OK ? "" : ` ${details}`}, after ${duration((performance.now() - startedAt) * 1_000)}`,
      );
      tell("=", metadata);
    },
  };
}

function parse(json: string): JsonValue {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new RowError(`The request is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function seconds(value: string): number {
  const number = Number(value);
  if (!(number >= 0)) throw new RowError(`Cannot wait ${value} seconds: give a number`);
  return number;
}

function setHeader(metadata: Metadata, header: string): void {
  const colon = header.indexOf(":");
  if (colon < 1) throw new RowError(`Cannot send the header ${header}: write name:value`);
  metadata.set(header.slice(0, colon).trim(), header.slice(colon + 1).trim());
}

const AUTH = "shop.auth.v1.AuthService";

async function logIn(connection: Connection, user: string): Promise<string> {
  const contracts = loadContracts(connection.root);
  const method = findMethod(contracts, `${AUTH}.Login`);
  const address = await connection.addressOf(AUTH);
  const request = { email: demoAddress(user), password: await connection.demoPassword() };
  const answers = callMethod({ address, method, request, metadata: new Metadata(), contracts, timeoutMs: 5_000 });
  for await (const answer of answers) {
    if (typeof answer === "object" && answer !== null && "accessToken" in answer) return String(answer.accessToken);
  }
  throw new RowError(`Cannot log in as ${demoAddress(user)}: auth gave no token`);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}
