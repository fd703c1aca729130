import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { methods } from "@row/runtime/contract.ts";
import { beforeAll, test } from "vitest";
import { newProduct, orderOf, reaches } from "./harness/ordering.ts";
import { type Session, type TheShop, theShop } from "./harness/the-shop.ts";

const root = resolve(import.meta.dirname, "..");
const run = promisify(execFile);

let shop: TheShop;
let customer: Session;
let merchant: Session;

beforeAll(async () => {
  shop = await theShop();
  customer = await shop.customer();
  merchant = await shop.demoUser("merchant");
});

/** What `buf curl` prints; on a refusal, what it says of it. It asks the server's reflection for the schema. */
async function bufCurl(url: string, ...args: string[]): Promise<string> {
  try {
    return (await run(resolve(root, "node_modules/.bin/buf"), ["curl", ...args, url], { cwd: root })).stdout;
  } catch (error) {
    return String((error as { stderr?: string }).stderr); // what execFile rejects with
  }
}

function grpc(service: string, method: string, request: object, token?: string): Promise<string> {
  const header = token === undefined ? [] : ["--header", `authorization: Bearer ${token}`];
  const options = ["--protocol", "grpc", "--http2-prior-knowledge", ...header, "--data", JSON.stringify(request)];
  return bufCurl(`http://${shop.address(service)}/${method}`, ...options);
}

test("every service lists itself by reflection, with every method of its contract", async () => {
  for (const service of shop.services) {
    const base = `http://${shop.address(service)}`;
    const services = await bufCurl(base, "--http2-prior-knowledge", "--protocol", "grpc", "--list-services");
    const own = [...methods.keys()].filter((path) => path.startsWith(`/shop.${service}.`));
    const name = own[0]?.split("/")[1] ?? "";
    assert.match(services, new RegExp(`^${name}$`, "m"), service);
    assert.match(services, /^grpc\.health\.v1\.Health$/m, service);
    const listed = await bufCurl(base, "--http2-prior-knowledge", "--protocol", "grpc", "--list-methods");
    for (const path of own) assert.ok(listed.includes(path.slice(1)), `${path} in ${listed}`);
  }
  assert.ok(shop.services.length >= 5);
});

test("buf curl calls every service on its port, by what reflection told it", async () => {
  const product = await newProduct(shop, { stock: 4 });
  const { keys } = JSON.parse(await grpc("auth", "shop.auth.v1.AuthService/GetKeySet", {}));
  assert.equal(keys[0].alg, "ES256");
  const { products } = JSON.parse(
    await grpc("catalog", "shop.catalog.v1.CatalogService/ListProducts", { page_size: 3 }),
  );
  assert.equal(products.length, 3);
  const getStock = "shop.inventory.v1.InventoryService/GetStock";
  const { stock } = JSON.parse(await grpc("inventory", getStock, { product_id: product.id }, merchant.accessToken));
  assert.equal(stock.onHand, "4");
  const request = { ...orderOf({ productId: product.id }), requestId: randomUUIDv7() };
  const { order } = JSON.parse(
    await grpc("orders", "shop.orders.v1.OrderService/PlaceOrder", request, customer.accessToken),
  );
  const { paymentId } = await reaches(shop, customer, order.id, "STATE_CONFIRMED");
  const getPayment = "shop.payments.v1.PaymentService/GetPayment";
  const { payment } = JSON.parse(await grpc("payments", getPayment, { id: paymentId }, customer.accessToken));
  assert.equal(payment.orderId, order.id);
});

test("buf curl is told why it is refused, with the details", async () => {
  const refused = await grpc("orders", "shop.orders.v1.OrderService/GetOrder", { id: "x" }, customer.accessToken);
  const { code, message, details } = JSON.parse(refused);
  assert.equal(code, "invalid_argument");
  assert.match(message, /^id: /);
  assert.deepEqual(details.map(({ type }: { type: string }) => type).sort(), [
    "google.rpc.BadRequest",
    "google.rpc.ErrorInfo",
  ]);
  const servicesOnly = await grpc("inventory", "shop.inventory.v1.InventoryService/ReleaseStock", {
    order_id: randomUUIDv7(),
  });
  assert.equal(JSON.parse(servicesOnly).code, "permission_denied");
});

test("buf curl asks every service for its health", async () => {
  for (const service of shop.services) {
    const { status } = JSON.parse(await grpc(service, "grpc.health.v1.Health/Check", {}));
    assert.equal(status, "SERVING", service);
  }
});

test("buf curl calls the edge over gRPC, gRPC-Web and Connect", async () => {
  const method = "shop.catalog.v1.CatalogService/ListCategories";
  const schema = ["--schema", "gen/contracts.binpb", "--data", "{}"];
  const h2c = ["--protocol", "grpc", "--http2-prior-knowledge"];
  const answers = [
    await bufCurl(`http://${shop.address("edge")}/${method}`, ...h2c, ...schema),
    await bufCurl(`${shop.rest.url}/${method}`, "--protocol", "grpcweb", ...schema),
    await bufCurl(`${shop.rest.url}/${method}`, "--protocol", "connect", ...schema),
  ];
  for (const answer of answers) assert.ok(JSON.parse(answer).categories.length >= 3, answer);
});

// Debian's python3-grpcio is seen by Debian's python3 alone.
const PYTHON = "/usr/bin/python3";
const hasPython = spawnSync(PYTHON, ["-c", "import grpc"]).status === 0;
const CALL = `
import grpc, sys
address, path, token = sys.argv[1:4]
metadata = (("authorization", "Bearer " + token),) if token else ()
with grpc.insecure_channel(address) as channel:
    call = channel.unary_unary(path)
    try:
        print("OK", len(call(b"", metadata=metadata, timeout=5)))
    except grpc.RpcError as error:
        print(error.code().name, error.details())
`;

test("a gRPC client in Python calls every service and the edge", async (context) => {
  context.skip(!hasPython, `${PYTHON} has no grpc: apt-get install python3-grpcio`);
  const call = async (service: string, path: string, token = "") =>
    (await run(PYTHON, ["-c", CALL, shop.address(service), path, token])).stdout.trim();
  assert.match(await call("auth", "/shop.auth.v1.AuthService/GetKeySet"), /^OK \d{2,}/);
  for (const service of ["catalog", "edge"]) {
    assert.match(await call(service, "/shop.catalog.v1.CatalogService/ListCategories"), /^OK \d{2,}/);
  }
  const list = "/shop.orders.v1.OrderService/ListOrders";
  assert.match(await call("orders", list, customer.accessToken), /^OK \d+/);
  assert.match(await call("orders", list), /^UNAUTHENTICATED Cannot tell who is asking/);
  const getStock = "/shop.inventory.v1.InventoryService/GetStock";
  assert.match(await call("inventory", getStock, merchant.accessToken), /^INVALID_ARGUMENT product_id: /);
  const getPayment = "/shop.payments.v1.PaymentService/GetPayment";
  assert.match(await call("payments", getPayment, customer.accessToken), /^INVALID_ARGUMENT id: /);
});
