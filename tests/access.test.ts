import assert from "node:assert/strict";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { methods } from "@row/runtime/contract.ts";
import { identityOf, serviceOfType } from "@row/runtime/names.ts";
import { beforeAll, test } from "vitest";
import {
  difference,
  END_USERS,
  expectedCode,
  expectedCodeAtTheEdge,
  expectedCodeOfService,
  isAllowed,
} from "./harness/access-expectations.ts";
import { type Matrix, readMatrices } from "./harness/access-matrix.ts";
import { NO_MESSAGE, type Probe, type ProbeCaller, type ProbeResult } from "./harness/probe.ts";
import { expectOk } from "./harness/rest.ts";
import { type Session, type TheShop, theShop } from "./harness/the-shop.ts";

const EMPTY: Matrix = new Map();
const [users = EMPTY, services = EMPTY] = readMatrices(join(import.meta.dirname, "access.md"));
/** Stand for "others": services that exist later, and one that never will. */
const OTHERS = ["users", "notifications", "analytics", "stranger"].filter(
  (name) => ![...services.values()].some((row) => name in row),
);

let shop: TheShop;
const sessions: Record<string, Session> = {};

beforeAll(async () => {
  shop = await theShop();
  sessions.customer = await shop.demoUser("alice");
  sessions.merchant = await shop.demoUser("merchant");
  sessions.admin = await shop.demoUser("admin");
});

test("the matrix knows every RPC of the contracts, and no other", () => {
  const ofContracts = [...methods.keys()].map((path) => path.slice(1)).sort();
  assert.ok(ofContracts.length > 30);
  assert.deepEqual([...users.keys()].sort(), ofContracts);
  assert.deepEqual([...services.keys()].sort(), ofContracts);
  const cells = [...users.values(), ...services.values()].flatMap((row) => Object.values(row));
  assert.deepEqual(new Set(cells), new Set(["yes", "no", "own"]));
});

test("the contracts let end users do what the matrix says", () => {
  const differences = [...users].flatMap(([rpc, row]) => {
    const { access, roles } = contractOf(rpc);
    const may = (user: string) => {
      if (access === Access.PUBLIC) return true;
      if (access === Access.SIGNED_IN) return user !== "anonymous";
      return access === Access.ROLES && roles.includes(user);
    };
    return END_USERS.filter((user) => may(user) !== isAllowed(row[user])).map((user) => `${rpc}: ${user}`);
  });
  assert.deepEqual(differences, []);
});

test("the contracts let services call what the matrix says", () => {
  const differences = [...services].flatMap(([rpc, row]) => {
    const { access, callers } = contractOf(rpc);
    const may = (service: string) => (service === "nobody" ? access !== Access.NONE : callers.has(service));
    const unnamed = [...callers].filter((service) => !(service in row)).map((service) => `${rpc}: ${service}`);
    const columns = Object.keys(row).filter((service) => may(service) !== isAllowed(row[service]));
    return [...unnamed, ...columns.map((service) => `${rpc}: ${service}`)];
  });
  assert.deepEqual(differences, []);
});

test("every service that runs is probed", () => {
  const running = shop.processes.filter(({ addresses }) => addresses.grpc).map(({ name }) => name);
  const known = new Set([...methods.keys()].map(serviceNameOf));
  assert.deepEqual(
    running.filter((name) => name !== "edge" && !known.has(name)),
    [],
  );
  assert.ok(rpcsThatRun().length > 30);
  const unmeshed = running.filter((name) => name !== "edge" && !shop.processes.some(isMeshed(name)));
  assert.deepEqual(unmeshed, [], "services without a sidecar, which would be asked past the mesh");
});

test("the services themselves let end users do what the matrix says", async () => {
  await expectNoDifference(async (rpc, probe) => {
    const row = users.get(rpc) ?? {};
    return Promise.all(
      END_USERS.map(async (user) => {
        const callers: ProbeCaller[] = [{}, { service: "toolbox" }].map((caller) => ({ ...caller, ...asUser(user) }));
        const outcomes = await Promise.all(callers.map((caller) => probe.call(`/${rpc}`, NO_MESSAGE, caller)));
        return outcomes.map((outcome) => difference(`${rpc}: ${user}`, outcome, expectedCode(row, user)));
      }),
    ).then((found) => found.flat());
  });
});

test("the services themselves let services call what the matrix says, with a user's token in hand or without", async () => {
  await expectNoDifference(async (rpc, probe) => {
    const columns = Object.entries(services.get(rpc) ?? {}).filter(([service]) => service !== "nobody");
    const cells = columns.flatMap(([service, cell]) =>
      service === "others" ? OTHERS.map((other) => [other, cell] as const) : [[service, cell] as const],
    );
    const found = await Promise.all(
      cells.map(async ([service, cell]) => {
        const carriesUsers = service === "edge" || service === "toolbox";
        const withToken = { service, ...asUser("admin") };
        const callers: ProbeCaller[] = carriesUsers ? [withToken] : [{ service }, withToken];
        const outcomes = await Promise.all(callers.map((caller) => probe.call(`/${rpc}`, NO_MESSAGE, caller)));
        const expected = expectedCodeOfService(cell);
        return outcomes.flatMap((outcome) => [
          difference(`${rpc}: ${service}`, outcome, expected),
          differenceAtTheMesh(`${rpc}: ${service}`, outcome, cell),
        ]);
      }),
    );
    return found.flat();
  });
});

test("the mesh lets nobody in particular call what the matrix says, on the port for people", async () => {
  await expectNoDifference(async (rpc, probe) => {
    const cell = services.get(rpc)?.nobody;
    const callers: ProbeCaller[] = [{}, asUser("admin"), { identity: identityOf("orders") }];
    const outcomes = await Promise.all(callers.map((caller) => probe.call(`/${rpc}`, NO_MESSAGE, caller)));
    return outcomes.map((outcome) => differenceAtTheMesh(`${rpc}: nobody`, outcome, cell));
  });
});

test("an identity that is merely claimed on a service's port is worth nothing", async () => {
  const foreign = [
    "orders.shop.serviceaccount.identity.linkerd.cluster.local",
    "orders.evil.serviceaccount.identity.linkerd.cluster.local",
    "orders.shop.serviceaccount.identity.linkerd.cluster.local.evil.example",
    "evil.orders.shop.serviceaccount.identity.linkerd.cluster.local",
    "orders",
  ];
  await expectNoDifference(async (rpc, probe) => {
    const outcomes = await Promise.all(
      foreign.map((identity) => probe.call(`/${rpc}`, NO_MESSAGE, { identity, ...asUser("admin") })),
    );
    const expected = expectedCode(users.get(rpc) ?? {}, "admin");
    return outcomes.map((outcome) => difference(rpc, outcome, expected));
  });
});

test("the edge serves what some end user may call, to those who may, and nothing else", async () => {
  const edge = shop.probe("edge");
  // An empty message is readable, so that the edge passes it on; where it is a whole request, the call only reads.
  const found: string[] = [];
  for (const rpc of rpcsThatRun()) {
    const row = users.get(rpc) ?? {};
    for (const user of END_USERS) {
      const outcome = await edge.call(`/${rpc}`, Buffer.alloc(0), asUser(user));
      const expected = expectedCodeAtTheEdge(row, user);
      const isAdmitted = isAllowed(row[user]) && outcome.code === status.OK;
      if (!isAdmitted) found.push(...difference(`${rpc}: ${user}`, outcome, expected));
    }
  }
  await edge.close();
  assert.deepEqual(found, []);
});

test("an identity that a client claims at the edge is worth nothing", async () => {
  const edge = shop.probe("edge");
  const reserve = "/shop.inventory.v1.InventoryService/ReserveStock";
  assert.equal((await edge.call(reserve, Buffer.alloc(0), { service: "orders" })).code, status.UNIMPLEMENTED);
  const adjust = "/shop.inventory.v1.InventoryService/AdjustStock";
  const outcome = await edge.call(adjust, Buffer.alloc(0), { service: "orders" });
  assert.equal(outcome.code, status.UNAUTHENTICATED);
  await edge.close();
});

test("what is one's own is found by its owner, by an admin where the matrix says so, and by nobody else", async () => {
  const owner = await shop.customer();
  const stranger = await shop.customer();
  const token = owner.accessToken;
  const { products } = expectOk(await shop.rest.get("/v1/products?pageSize=1"));
  const { order } = expectOk(
    await shop.rest.post(
      "/v1/orders",
      {
        items: [{ productId: products[0].id, quantity: 1 }],
        paymentToken: "tok_ok",
        shippingAddress: { recipient: "A", line1: "B 1", city: "C", postalCode: "1", countryCode: "DE" },
      },
      { token },
    ),
  );
  const paymentId = await paymentOf(order.id, token);
  const asks: Record<string, (token: string) => Promise<{ status: number }>> = {
    GetOrder: (token) => shop.rest.get(`/v1/orders/${order.id}`, { token }),
    ListOrders: (token) => shop.rest.get(`/v1/orders?customerId=${owner.id}`, { token }),
    WatchOrder: async (token) => {
      const response = await shop.rest.open("GET", `/v1/orders/${order.id}:watch`, undefined, {
        token,
        headers: { accept: "application/x-ndjson" },
      });
      await response.body?.cancel();
      return response;
    },
    GetOrderHistory: (token) => shop.rest.get(`/v1/orders/${order.id}/history`, { token }),
    GetPayment: (token) => shop.rest.get(`/v1/payments/${paymentId}`, { token }),
    // Last: it changes the order.
    CancelOrder: (token) => shop.rest.post(`/v1/orders/${order.id}:cancel`, {}, { token }),
  };
  const owned = [...users].filter(([, row]) => Object.values(row).includes("own")).map(([rpc]) => nameOf(rpc));
  assert.deepEqual(
    owned.filter((name) => !(name in asks) && name !== "PlaceOrder"),
    [],
  );
  const others = { customer: stranger, merchant: sessions.merchant, admin: sessions.admin };
  for (const [name, ask] of Object.entries(asks)) {
    const row = [...users].find(([rpc]) => nameOf(rpc) === name)?.[1] ?? {};
    for (const [user, session] of Object.entries(others)) {
      const refused = name === "ListOrders" ? 403 : 404;
      const { status } = await ask(session?.accessToken ?? "");
      assert.equal(status, row[user] === "yes" ? 200 : refused, `${name} of somebody else's by ${user}`);
    }
    assert.equal((await ask(token)).status, 200, `${name} by its owner`);
  }
});

async function paymentOf(orderId: string, token: string): Promise<string> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { order } = expectOk(await shop.rest.get(`/v1/orders/${orderId}`, { token }));
    if (order.paymentId) return order.paymentId;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The order has no payment after 5 s");
}

/** Calls every RPC that runs, service by service, and fails with all differences at once. */
async function expectNoDifference(look: (rpc: string, probe: Probe) => Promise<string[][]>): Promise<void> {
  const differences: string[] = [];
  for (const rpc of rpcsThatRun()) {
    const probe = shop.probe(serviceNameOf(`/${rpc}`));
    differences.push(...(await look(rpc, probe)).flat());
    await probe.close();
  }
  assert.deepEqual(differences, []);
}

/** Refused by the callee's sidecar, whatever the service itself would have said; or passed on, whatever it said then. */
function differenceAtTheMesh(what: string, { code, message }: ProbeResult, cell: string | undefined): string[] {
  const isRefused = code === status.PERMISSION_DENIED && message === "unauthorized request on route";
  if (isRefused !== isAllowed(cell)) return [];
  return [`${what}: the mesh was to ${isAllowed(cell) ? "pass" : "refuse"} it, got ${status[code]} ${message}`];
}

function isMeshed(service: string): (process: { name: string; addresses: Record<string, string> }) => boolean {
  return ({ name, addresses }) => name === service && addresses.mesh !== undefined;
}

function asUser(user: string): { token?: string } {
  return user === "anonymous" ? {} : { token: sessions[user]?.accessToken };
}

function rpcsThatRun(): string[] {
  return [...users.keys()].filter((rpc) => shop.services.includes(serviceNameOf(`/${rpc}`)));
}

function contractOf(rpc: string) {
  const contract = methods.get(`/${rpc}`);
  assert.ok(contract, `${rpc} is not in the contracts`);
  return contract;
}

/** "/shop.orders.v1.OrderService/GetOrder" is served by "orders". */
function serviceNameOf(path: string): string {
  return serviceOfType(path);
}

/** "shop.orders.v1.OrderService/GetOrder" is "GetOrder". */
function nameOf(rpc: string): string {
  return rpc.split("/")[1] ?? "";
}
