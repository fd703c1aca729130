import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { allow, resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { ask, channel, serve } from "./tiny-app.ts";

const CATALOG = "shop.catalog.v1.CatalogService";
const METHOD = (method: string) => `{ matches: [{ method: { service: ${CATALOG}, method: ${method} } }] }`;
const SENT = (method: string) => METHOD(method).replace(/ }$/, `, ${to("catalog-v1")} }`);

let lab: SidecarLab;
let laptop: string;
let meshed: string;
let limited: string;

/** Every way in which sidecars refuse or fail a call, and what a client must make of it. */
const REFUSALS: readonly {
  readonly what: string;
  readonly method: string;
  readonly through: "laptop" | "mesh";
  readonly code: status;
}[] = [
  { what: "allowed and served", method: "GetProduct", through: "mesh", code: status.OK },
  { what: "not allowed", method: "CreateProduct", through: "mesh", code: status.PERMISSION_DENIED },
  {
    what: "for services only, on the laptop port",
    method: "CreateProduct",
    through: "laptop",
    code: status.PERMISSION_DENIED,
  },
  { what: "matched by no outbound route", method: "ListCategories", through: "mesh", code: status.NOT_FOUND },
  { what: "matched by no inbound route", method: "ListCategories", through: "laptop", code: status.NOT_FOUND },
  { what: "slower than its route", method: "SearchProducts", through: "mesh", code: status.DEADLINE_EXCEEDED },
  { what: "sent to nobody", method: "ListProducts", through: "mesh", code: status.UNAVAILABLE },
];

beforeAll(async () => {
  lab = await SidecarLab.open();
  const catalog = await lab.add({ service: "catalog", laptopPorts: 1 });
  const toolbox = await lab.add({ service: "toolbox", isToolbox: true, calls: ["catalog", "inventory"] });
  const inventory = await lab.add({ service: "inventory", laptopPorts: 1 });
  const paths = ["GetProduct", "CreateProduct", "ListProducts", "SearchProducts"].map((name) => `/${CATALOG}/${name}`);
  await serve(lab, catalog, paths);
  await serve(lab, inventory, []);
  await lab.up(
    resources(
      services("catalog", "v1", "v9"),
      services("inventory"),
      server("catalog", { accessPolicy: "deny" }),
      allow("catalog-for-toolbox", "catalog", [METHOD("GetProduct"), METHOD("SearchProducts")], ["toolbox"]),
      allow("catalog-for-orders", "catalog", [METHOD("CreateProduct")], ["orders"]),
      route("catalog", "catalog", [SENT("GetProduct"), SENT("CreateProduct")]),
      route("catalog-slow", "catalog", [SENT("SearchProducts")], { "timeout.linkerd.io/request": "100ms" }),
      route("catalog-nobody", "catalog", [SENT("ListProducts").replace("catalog-v1", "catalog-v9")]),
      server("inventory", { accessPolicy: "all-unauthenticated", protocol: "HTTP/2" }),
      limit("inventory"),
    ),
  );
  const on = ({ laptopPorts }: Workload) => `127.0.0.1:${laptopPorts[0]}`;
  laptop = on(catalog);
  meshed = `127.0.0.1:${toolbox.anyServicePort}`;
  limited = on(inventory);
});

afterAll(() => lab.close());

function limit(service: string): string {
  return `
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
metadata: { name: ${service}, namespace: shop }
spec:
  targetRef: { group: policy.linkerd.io, kind: Server, name: ${service}-grpc }
  total: { requestsPerSecond: 1 }`;
}

/** Asks as one client does, and says which grpc-status it saw. */
type Probe = (address: string, path: string, headers: Readonly<Record<string, string>>) => Promise<status>;

async function sees(probe: Probe): Promise<void> {
  for (const { what, method, through, code } of REFUSALS) {
    const headers = { "x-empty": "1", ...(method === "SearchProducts" && { "x-wait-ms": "3000" }) };
    const seen = await probe(through === "mesh" ? meshed : laptop, `/${CATALOG}/${method}`, headers);
    assert.equal(status[seen], status[code], what);
  }
  const codes = new Set<string>();
  for (let calls = 0; calls < 12 && !codes.has("RESOURCE_EXHAUSTED"); calls++) {
    const burst = [1, 2, 3].map(() => probe(limited, "/shop.inventory.v1.InventoryService/GetStock", {}));
    for (const code of await Promise.all(burst)) codes.add(status[code] ?? "");
  }
  assert.ok(codes.has("RESOURCE_EXHAUSTED"), `above the rate limit: ${[...codes]}`);
}

test("grpc-js sees each refusal for what it is", () =>
  sees(async (address, path, headers) => {
    const client = channel(lab, address);
    const { code } = await ask(client, path, headers);
    return code;
  }));

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

test("buf curl sees each refusal for what it is", () =>
  sees(async (address, path, headers) => {
    const given = Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
    const options = [
      "--protocol",
      "grpc",
      "--http2-prior-knowledge",
      "--schema",
      "gen/contracts.binpb",
      "--data",
      "{}",
    ];
    const buf = resolve(root, "node_modules/.bin/buf");
    try {
      await run(buf, ["curl", ...options, ...given, `http://${address}${path}`], { cwd: root });
      return status.OK;
    } catch (error) {
      const { code } = JSON.parse(String((error as { stderr?: string }).stderr)); // what execFile rejects with
      return status[String(code).toUpperCase() as keyof typeof status];
    }
  }));

// Debian's python3-grpcio is seen by Debian's python3 alone.
const PYTHON = "/usr/bin/python3";
const hasPython = spawnSync(PYTHON, ["-c", "import grpc"]).status === 0;
const CALL = `
import grpc, json, sys
address, path, headers = sys.argv[1:4]
with grpc.insecure_channel(address) as channel:
    try:
        channel.unary_unary(path)(b"", metadata=tuple(json.loads(headers).items()), timeout=5)
        print("OK")
    except grpc.RpcError as error:
        print(error.code().name)
`;

const ERROR = `
import grpc, sys
address, path = sys.argv[1:3]
seen = set()
with grpc.insecure_channel(address) as channel:
    for attempt in range(40):
        try:
            channel.unary_unary(path)(b"", metadata=(("x-error-bytes", "3072"),), timeout=5)
        except grpc.RpcError as error:
            details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
            seen.add((error.code().name, len(details)))
print(seen)
`;

// From 6 KB on grpcio loses some of them: its soft limit of metadata is 8 KiB (grpc.max_metadata_size), base64 included.
test("Python's grpcio gets the largest error that services send, 4 KiB encoded, whole and through two sidecars each time", async (context) => {
  context.skip(!hasPython, `${PYTHON} has no grpc: apt-get install python3-grpcio`);
  const { stdout } = await run(PYTHON, ["-c", ERROR, meshed, `/${CATALOG}/GetProduct`]);
  assert.equal(stdout.trim(), "{('INVALID_ARGUMENT', 3072)}");
});

test("Python's grpcio sees each refusal for what it is", async (context) => {
  context.skip(!hasPython, `${PYTHON} has no grpc: apt-get install python3-grpcio`);
  await sees(async (address, path, headers) => {
    const { stdout } = await run(PYTHON, ["-c", CALL, address, path, JSON.stringify(headers)]);
    return status[stdout.trim() as keyof typeof status];
  });
});
