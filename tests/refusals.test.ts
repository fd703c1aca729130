/**
 * What a caller did wrong never counts against the callee. Breakers count UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, INTERNAL,
 * UNAVAILABLE and DATA_LOSS (docs/mesh.md, "What counts against a service"), and open after 30 in a row.
 */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { MeshFolders } from "@row/laptop/sidecars/instance.ts";
import { observerFolder } from "@row/laptop/sidecars/observer.ts";
import { SeededRandom } from "@row/load/seeded-random.ts";
import { ENDPOINTS_OUT_FILE, readEndpointsOut } from "@row/mesh/observer/endpoints-out.ts";
import { type MethodContract, methods } from "@row/runtime/contract.ts";
import { beforeAll, test } from "vitest";
import { NO_MESSAGE, type ProbeCaller, type ProbeResult } from "./harness/probe.ts";
import { type Session, type TheShop, theShop } from "./harness/the-shop.ts";

const COUNTED: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.PERMISSION_DENIED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);
/** Twice what opens a breaker. */
const IN_A_ROW = 60;
const AT_ONCE = 10;
/** `.ci/run` asks by every identity; else a seed, which is another every day, picks one for each RPC. */
const IS_WHOLE = process.env.ROW_REFUSALS === "all";
const SEED = Number(process.env.ROW_SEED ?? Math.floor(Date.now() / 86_400_000));

let shop: TheShop;
let bystander: Session;
let owner: Session;
const sessions: Record<string, Session | undefined> = { anonymous: undefined };

beforeAll(async () => {
  shop = await theShop();
  for (const [role, name] of Object.entries({ customer: "alice", merchant: "merchant", admin: "admin" })) {
    sessions[role] = await shop.demoUser(name);
  }
  bystander = await shop.customer();
  owner = await shop.customer();
});

/** What can be wrong with a call whatever it asks for. */
const WRONG: Readonly<Record<string, { bytes: Buffer; caller?: ProbeCaller; isLarge?: true }>> = {
  unreadable: { bytes: NO_MESSAGE },
  empty: { bytes: Buffer.alloc(0) },
  "over the limit": { bytes: Buffer.alloc(1_100_000, 0xff), isLarge: true },
  "in no time": { bytes: Buffer.alloc(0), caller: { timeout: "1m" } },
  "with an unreadable timeout": { bytes: Buffer.alloc(0), caller: { timeout: "soon" } },
};

for (const [what, { bytes, caller, isLarge }] of Object.entries(WRONG)) {
  test(`no service answers a call that is ${what} with a status that counts, whoever calls whatever`, async () => {
    const callers: ProbeCaller[] = [
      ...Object.values(sessions).flatMap((session) => [
        { service: "toolbox", token: session?.accessToken },
        { token: session?.accessToken },
      ]),
      { service: "orders" },
      { service: "stranger" },
      { service: "toolbox", token: "not.a.token" },
    ];
    // Refused by its length, before anybody looks at who sends it.
    const some = isLarge ? callers.slice(0, 2) : callers;
    const found = new Set<string>();
    const contracts = [...methods.values()].filter(({ service }) => shop.services.includes(service));
    assert.ok(contracts.length > 30, `only ${contracts.length} RPCs`);
    const probes = new Map(shop.services.map((service) => [service, shop.probe(service)]));
    for (const { path, service } of contracts) {
      const probe = probes.get(service);
      assert.ok(probe);
      const results = await Promise.all(some.map((one) => probe.call(path, bytes, { ...one, ...caller })));
      for (const result of results.filter(counts)) found.add(`${path}: ${status[result.code]} ${result.message}`);
    }
    for (const probe of probes.values()) await probe.close();
    assert.deepEqual([...found], []);
  });
}

/** Who asks, and in how many milliseconds of their own. */
interface Asking {
  readonly user: string;
  readonly timeoutMs: number | undefined;
}

/** Requests that are well formed, and that their service refuses or cannot answer in the time it is given; by RPC. */
const REFUSED: Readonly<Record<string, () => object>> = {
  Register: () => ({ email: owner.email, password: "correct horse battery", displayName: "Somebody" }),
  Login: () => ({ email: `${randomUUIDv7()}@example.com`, password: "wrong horse battery" }),
  Refresh: () => ({ refreshToken: "x".repeat(43) }),
  Logout: () => ({ refreshToken: "x".repeat(43) }),
  GetKeySet: () => ({}),
  GrantRole: () => ({ userId: randomUUIDv7(), role: "ROLE_MERCHANT" }),
  RevokeRole: () => ({ userId: randomUUIDv7(), role: "ROLE_MERCHANT" }),
  ListAuditEntries: () => ({ pageToken: "of-no-list" }),
  GetProduct: () => ({ id: randomUUIDv7() }),
  ListProducts: () => ({ pageToken: "of-no-list" }),
  SearchProducts: () => ({ query: "mug", pageToken: "of-no-list" }),
  ListCategories: () => ({}),
  CreateProduct: () => ({ product: { name: "x" }, requestId: randomUUIDv7() }),
  UpdateProduct: () => ({ product: { id: randomUUIDv7(), name: "x", version: "1" }, updateMask: "name" }),
  ChangePrice: () => ({ id: randomUUIDv7(), price: { currencyCode: "EUR", units: "1" }, requestId: randomUUIDv7() }),
  GetStock: () => ({ productId: randomUUIDv7() }),
  AdjustStock: () => ({ productId: randomUUIDv7(), delta: "-5", reason: "x", requestId: randomUUIDv7() }),
  PlaceOrder: () => ({
    items: [{ productId: randomUUIDv7(), quantity: 1 }],
    paymentToken: "tok_ok",
    shippingAddress: { recipient: "A", line1: "B 1", city: "C", postalCode: "1", countryCode: "DE" },
    requestId: randomUUIDv7(),
  }),
  GetOrder: () => ({ id: randomUUIDv7() }),
  ListOrders: () => ({ customerId: owner.id }),
  CancelOrder: () => ({ id: randomUUIDv7(), requestId: randomUUIDv7() }),
  WatchOrder: () => ({ id: randomUUIDv7() }),
  GetOrderHistory: () => ({ id: randomUUIDv7() }),
  GetPayment: () => ({ id: randomUUIDv7() }),
  RefundPayment: () => ({ id: randomUUIDv7(), reason: "x", requestId: randomUUIDv7() }),
};

test("a refused call is known of every RPC that end users may call", () => {
  assert.deepEqual(forEndUsers().map(nameOf).toSorted(), Object.keys(REFUSED).toSorted());
});

test("sixty refused calls in a row, of each RPC by each user, take no endpoint out and spoil no other customer's read", async () => {
  const observer = observerFolder(new MeshFolders(shop.installation.stateDir, ""));
  const random = new SeededRandom(SEED);
  const endpointsOut = join(observer, ENDPOINTS_OUT_FILE);
  const faults: string[] = [];
  for (const contract of forEndUsers()) {
    const name = nameOf(contract);
    // Who calls makes no difference where everybody may.
    const users = contract.access === Access.PUBLIC ? ["anonymous"] : Object.keys(sessions);
    const inNoTime: Asking = { user: "admin", timeoutMs: 25 };
    const callers: [Asking, ...Asking[]] = [inNoTime, ...users.map((user) => ({ user, timeoutMs: undefined }))];
    const asking = IS_WHOLE ? callers : [random.pick(callers)];
    for (const { user, timeoutMs } of asking) {
      const call = () => ask(contract, REFUSED[name]?.() ?? {}, sessions[user]?.accessToken, timeoutMs);
      const what = `${name} by ${user}${timeoutMs === undefined ? "" : " in no time"}`;
      const { statuses, others } = await amidReads(() => manyTimes(call));
      // Its own haste is the caller's own fault.
      const broken = statuses.filter((code) => code >= 500 && !(timeoutMs !== undefined && code === 504));
      if (broken.length > 0) faults.push(`${what}: ${broken.length} × ${broken[0]}`);
      if (others.some((code) => code !== 200)) faults.push(`meanwhile to another, ${what}: ${[...new Set(others)]}`);
      const out = readEndpointsOut(endpointsOut);
      faults.push(...out.map(({ instance, endpoint }) => `${what}: ${endpoint} is out of ${instance}`));
    }
  }
  assert.deepEqual(faults, [], `with ROW_SEED=${SEED}`);
});

/** What another customer's reads, one after the other, come to while the work is done and once after it. */
async function amidReads(work: () => Promise<number[]>): Promise<{ statuses: number[]; others: number[] }> {
  const others: number[] = [];
  const done = new AbortController();
  const reading = (async () => {
    while (!done.signal.aborted) {
      others.push(...(await readSomething()));
      await sleep(20);
    }
  })();
  const statuses = await work().finally(() => done.abort());
  await reading;
  others.push(...(await readSomething()));
  return { statuses, others };
}

/** A call over Connect, which is written the same for every RPC; of a stream, over REST. */
async function ask(
  { path, descriptor }: MethodContract,
  request: object,
  token: string | undefined,
  timeoutMs: number | undefined,
): Promise<number> {
  const headers: Record<string, string> = timeoutMs === undefined ? {} : { "connect-timeout-ms": String(timeoutMs) };
  if (descriptor.methodKind === "unary") {
    return (await shop.rest.send("POST", path, JSON.stringify(request), { token, headers })).status;
  }
  const id = "id" in request ? String(request.id) : "";
  return (await shop.rest.get(`/v1/orders/${id}:watch`, { token })).status;
}

async function readSomething(): Promise<number[]> {
  const token = bystander.accessToken;
  const asked = [shop.rest.get("/v1/orders", { token }), shop.rest.get("/v1/products?pageSize=1")];
  return (await Promise.all(asked)).map((answer) => answer.status);
}

async function manyTimes<T>(work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  while (results.length < IN_A_ROW) results.push(...(await Promise.all(Array.from({ length: AT_ONCE }, work))));
  return results;
}

/** Whether the answer counts against who gave it. What the callee's sidecar denies counts in the denied one's own view alone. */
function counts({ code, message }: ProbeResult): boolean {
  return COUNTED.has(code) && message !== "unauthorized request on route";
}

function forEndUsers(): MethodContract[] {
  return [...methods.values()].filter(
    ({ access, service }) => access !== Access.NONE && shop.services.includes(service),
  );
}

/** "/shop.orders.v1.OrderService/GetOrder" is "GetOrder". */
function nameOf({ path }: MethodContract): string {
  return path.split("/")[2] ?? "";
}
