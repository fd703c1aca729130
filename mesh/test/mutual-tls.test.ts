import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { credentials, status } from "@grpc/grpc-js";
import { identityOf } from "@row/runtime/names.ts";
import { afterAll, beforeAll, test } from "vitest";
import type { Workload } from "../src/haproxy/workload.ts";
import { openTrustAnchor, writeCertificate } from "../src/identity/trust-anchor.ts";
import { allow, resources, route, server, services, to } from "./manifests.ts";
import { SidecarLab } from "./sidecar-lab.ts";
import { ask, channel, outboundOf, serve } from "./tiny-app.ts";

const GET = "/shop.catalog.v1.CatalogService/GetProduct";
const CREATE = "/shop.catalog.v1.CatalogService/CreateProduct";
const METHOD = (method: string) =>
  `{ matches: [{ method: { service: shop.catalog.v1.CatalogService, method: ${method} } }] }`;

const DAY_MS = 24 * 60 * 60 * 1_000;

let lab: SidecarLab;
let catalog: Workload;
let cart: Workload;
let stranger: Workload;

beforeAll(async () => {
  lab = await SidecarLab.open();
  catalog = await lab.add({ service: "catalog", laptopPorts: 1 });
  cart = await lab.add({ service: "cart", calls: ["catalog"] });
  stranger = await lab.add({ service: "stranger", calls: ["catalog"] });
  await serve(lab, catalog, [GET, CREATE]);
  await lab.up(
    resources(
      services("catalog", "v1"),
      services("cart"),
      server("catalog", { accessPolicy: "deny" }),
      allow("catalog-for-cart", "catalog", [METHOD("GetProduct")], ["cart", "toolbox"]),
      allow("catalog-for-edge", "catalog", [METHOD("CreateProduct")], ["edge"]),
      route("catalog", "catalog", [`{ ${to("catalog-v1")} }`]),
    ),
  );
});

afterAll(() => lab.close());

/** A call straight to catalog's sidecar with these TLS files. */
async function askDirectly(pem: string | undefined, headers: Record<string, string> = {}, path = GET) {
  const bytes = pem === undefined ? null : Buffer.from(pem);
  const secure = credentials.createSsl(readFileSync(lab.anchor.certificatePath), bytes, bytes);
  return ask(
    channel(lab, `127.0.0.1:${catalog.inboundPort}`, {
      credentials: secure,
      "grpc.ssl_target_name_override": identityOf("catalog"),
    }),
    path,
    headers,
  );
}

test("a call of the right identity comes through, and says whose it is", async () => {
  const answer = await ask(outboundOf(lab, cart, "catalog"), GET);
  assert.equal(answer.by, "catalog-v1-1");
  assert.equal(answer.seen["l5d-client-id"], identityOf("cart"));
  const { pem } = await lab.anchor.issue({ account: "cart" });
  assert.equal((await askDirectly(pem)).code, status.OK);
  assert.equal(await handshake(pem), "open");
});

test("a spoofed l5d-client-id is replaced, also without a certificate and on the laptop port", async () => {
  const spoofed = { "l5d-client-id": identityOf("edge") };
  const answer = await ask(outboundOf(lab, cart, "catalog"), GET, spoofed);
  assert.equal(answer.seen["l5d-client-id"], identityOf("cart"));
  assert.equal((await ask(outboundOf(lab, cart, "catalog"), CREATE, spoofed)).code, status.PERMISSION_DENIED);
  assert.equal((await askDirectly(undefined, spoofed)).code, status.PERMISSION_DENIED);
  const laptop = channel(lab, `127.0.0.1:${catalog.laptopPorts[0]}`);
  const onLaptop = await ask(laptop, GET, spoofed);
  assert.equal(onLaptop.code, status.OK);
  assert.equal(onLaptop.seen["l5d-client-id"], undefined);
  assert.equal((await ask(laptop, CREATE, spoofed)).code, status.PERMISSION_DENIED);
});

test("a call without a certificate is denied, not cut", async () => {
  const answer = await askDirectly(undefined);
  assert.equal(answer.code, status.PERMISSION_DENIED);
});

test("a certificate of another anchor gets no connection", async () => {
  const other = await openTrustAnchor(await mkdtemp(join(lab.folder, "other-")));
  const { pem } = await other.issue({ account: "cart" });
  assert.equal((await askDirectly(pem)).code, status.UNAVAILABLE);
  assert.equal(await handshake(pem), "refused");
});

test("an expired certificate gets no connection", async () => {
  const { pem } = await lab.anchor.issue({ account: "cart", notBefore: new Date(Date.now() - 2 * DAY_MS) });
  assert.equal((await askDirectly(pem)).code, status.UNAVAILABLE);
  assert.equal(await handshake(pem), "refused");
});

test("the right anchor and a wrong identity is denied", async () => {
  assert.equal((await ask(outboundOf(lab, stranger, "catalog"), GET)).code, status.PERMISSION_DENIED);
  const { pem } = await lab.anchor.issue({ account: "cart", namespace: "elsewhere" });
  assert.equal((await askDirectly(pem)).code, status.PERMISSION_DENIED);
});

test("a method that its contract does not give to the caller is denied", async () => {
  const answer = await ask(outboundOf(lab, cart, "catalog"), CREATE);
  assert.equal(answer.code, status.PERMISSION_DENIED);
});

test("a sidecar that shows another service's identity is not called", async () => {
  const impostor = await lab.anchor.issue({ account: "stranger" });
  const own = await lab.anchor.issue({ account: "catalog" });
  const { certificate } = catalog.sidecar;
  const answers = async (pem: string) => {
    await writeCertificate(certificate, pem);
    await lab.reloadOne(catalog);
    const caller = await lab.add({
      service: "cart",
      instance: `cart-${pem.length}-${Math.random()}`.slice(0, 20),
      calls: ["catalog"],
    });
    await lab.up();
    return ask(outboundOf(lab, caller, "catalog"), GET);
  };
  const answer = await answers(impostor.pem);
  assert.equal(answer.code, status.UNAVAILABLE);
  assert.match(answer.details, /no endpoint could be reached/);
  assert.equal((await answers(own.pem)).code, status.OK);
});

/** Whether the sidecar lets this certificate in; TLS 1.3 says so with the first byte after the handshake. */
function handshake(pem: string): Promise<"refused" | "open"> {
  return new Promise((resolve) => {
    const ca = readFileSync(lab.anchor.certificatePath);
    const socket = tlsConnect({
      port: catalog.inboundPort,
      host: "127.0.0.1",
      ca,
      cert: pem,
      key: pem,
      ALPNProtocols: ["h2"],
      checkServerIdentity: () => undefined,
    });
    socket.on("secureConnect", () => socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"));
    socket.on("data", () => {
      resolve("open");
      socket.destroy();
    });
    socket.on("error", () => resolve("refused"));
    socket.on("close", () => resolve("refused"));
  });
}
