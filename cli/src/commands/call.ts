/** `row call`: calls a method over gRPC and prints its answer as JSON. */
import { text } from "node:stream/consumers";
import type { FileRegistry, JsonValue } from "@bufbuild/protobuf";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadContracts } from "@row/topology/contracts.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { collect } from "../collect.ts";
import { callMethod, findMethod } from "../dynamic-client.ts";
import { describeFailure } from "../grpc-failure.ts";
import type { Connection, Target } from "../target.ts";
import { demoAddress } from "./welcome.ts";

interface CallFlags {
  as?: string;
  token?: string;
  header: string[];
  address?: string;
  timeout?: string;
}

export function callCommand(target: () => Target): Command {
  return new Command("call")
    .description("call a method over gRPC and print its answer as JSON")
    .argument("<method>", "such as shop.orders.v1.OrderService/GetOrder or OrderService.GetOrder")
    .argument("[json]", "the request as proto3 JSON; - reads it from standard input", "{}")
    .option("--as <user>", "log in as a demo user first: alice, bob, merchant, admin, or any address")
    .option("--token <token>", "an access token to send")
    .option("-H, --header <name:value>", "metadata to send; may be repeated", collect, [])
    .option(
      "--address <host:port>",
      "call this address instead of the toolbox, or of the service's own without the mesh",
    )
    .option("--timeout <seconds>", "give up after this long; 10 for one answer, and never for a stream")
    .action(async (method: string, json: string, flags: CallFlags) => {
      const connection = await target().connect();
      try {
        await call(connection, method, json, flags);
      } catch (error) {
        // The call only knows that its connection broke.
        throw connection.failure() ?? error;
      } finally {
        connection.close();
      }
    });
}

async function call(connection: Connection, name: string, json: string, flags: CallFlags): Promise<void> {
  const contracts = loadContracts(connection.root);
  const method = findMethod(contracts, name);
  const request = parse(json === "-" ? await text(process.stdin) : json);
  const isStream = method.methodKind === "server_streaming";
  const timeoutMs = seconds(flags.timeout ?? (isStream ? "0" : "10")) * 1000;
  try {
    const metadata = new Metadata();
    for (const header of flags.header) setHeader(metadata, header);
    const token = flags.as ? await logIn(connection, contracts, flags.as) : flags.token;
    if (token) metadata.set("authorization", `Bearer ${token}`);
    const address = await connection.addressOf(method.parent.typeName, flags.address);
    const servedBy: string[] = [];
    const onServedBy = (name: string) => servedBy.push(name);
    for await (const answer of callMethod({ address, method, request, metadata, contracts, timeoutMs, onServedBy })) {
      console.log(JSON.stringify(answer, null, isStream ? 0 : 2));
    }
    if (servedBy.length > 0) console.error(`Served by ${servedBy.join(", ")}`);
  } catch (error) {
    if (isServiceError(error)) throw new RowError(describeFailure(error, contracts));
    throw error;
  }
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

async function logIn(connection: Connection, contracts: FileRegistry, user: string): Promise<string> {
  const method = findMethod(contracts, `${AUTH}.Login`);
  const address = await connection.addressOf(AUTH);
  const request = { email: demoAddress(user), password: await connection.demoPassword() };
  for await (const answer of callMethod({
    address,
    method,
    request,
    metadata: new Metadata(),
    contracts,
    timeoutMs: 5_000,
  })) {
    if (typeof answer === "object" && answer !== null && "accessToken" in answer) return String(answer.accessToken);
  }
  throw new RowError(`Cannot log in as ${demoAddress(user)}: auth gave no token`);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}
