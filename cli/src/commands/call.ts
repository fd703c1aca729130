import { text } from "node:stream/consumers";
import type { FileRegistry, JsonValue } from "@bufbuild/protobuf";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { type Installation, realPort } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { askMesh, NotRunning } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { callMethod, findMethod } from "../dynamic-client.ts";
import { describeFailure } from "../grpc-failure.ts";
import { demoAddress } from "./welcome.ts";

/** What `row call` takes besides method and message. */
export interface CallFlags {
  as?: string;
  token?: string;
  header: string[];
  address?: string;
  timeout?: string;
}

/** A shop that can be called: where its services are, and what opens the demo users' accounts. */
export interface CallPlace {
  readonly root: string;
  /** "127.0.0.1:5050" for a type such as shop.orders.v1.OrderService; the address that the user gave comes first. */
  readonly addressOf: (serviceType: string, given?: string) => string | Promise<string>;
  readonly demoPassword: () => string | Promise<string>;
}

export async function call(installation: Installation, name: string, json: string, flags: CallFlags): Promise<void> {
  if (!flags.address && !supervisorOf(installation.stateDir)) throw new NotRunning(installation.stateDir);
  // Through the mesh, so that splits and policies are seen as another service would see them.
  const toolbox = flags.address ? undefined : (await askMesh(installation.stateDir, "about", {})).toolbox;
  const place: CallPlace = {
    root: installation.root,
    addressOf: (serviceType, given) => given ?? toolbox ?? addressOf(installation, serviceType),
    demoPassword: () => new Secrets(installation.stateDir).demoPassword,
  };
  await callAt(place, name, json, flags);
}

export async function callAt(place: CallPlace, name: string, json: string, flags: CallFlags): Promise<void> {
  const contracts = loadContracts(place.root);
  const method = findMethod(contracts, name);
  const request = parse(json === "-" ? await text(process.stdin) : json);
  const isStream = method.methodKind === "server_streaming";
  const timeoutMs = seconds(flags.timeout ?? (isStream ? "0" : "10")) * 1000;
  try {
    const metadata = new Metadata();
    for (const header of flags.header) setHeader(metadata, header);
    const token = flags.as ? await logIn(place, contracts, flags.as) : flags.token;
    if (token) metadata.set("authorization", `Bearer ${token}`);
    const address = await place.addressOf(method.parent.typeName, flags.address);
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

/** The service of a domain has the domain's name: shop.orders.v1.OrderService is answered by orders. */
function addressOf(installation: Installation, serviceType: string): string {
  const domain = serviceType.split(".")[1];
  const service = discoverServices(installation.root).find(({ name }) => name === domain);
  if (!service) throw new RowError(`No service answers ${serviceType}: name one with --address`);
  return `127.0.0.1:${realPort(installation, service.port)}`;
}

const AUTH = "shop.auth.v1.AuthService";

async function logIn(place: CallPlace, contracts: FileRegistry, user: string): Promise<string> {
  const method = findMethod(contracts, `${AUTH}.Login`);
  const address = await place.addressOf(AUTH);
  const request = { email: demoAddress(user), password: await place.demoPassword() };
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
