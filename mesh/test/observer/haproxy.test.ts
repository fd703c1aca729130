import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "vitest";
import { BreakingLab, CLIENT, type Endpoint } from "./breaking-lab.ts";
import { eventually, type Observer, startObserver } from "./observer-process.ts";

const POD = { namespace: "shop", deployment: "orders-v1", pod: CLIENT };
const [GOOD, BAD] = ["catalog-v1-1", "catalog-v1-2"] as const;

let observer: Observer;
let lab: BreakingLab;

beforeEach(async () => {
  observer = await startObserver();
  lab = new BreakingLab(observer);
  await lab.start(observer);
  await list();
  // The first look at HAProxy's counters is done.
  await eventually(async () => (await endpoints("ready")) === 2);
});
afterEach(async () => {
  await observer.stop();
  await lab.stop();
  await observer.remove();
});

async function list(penaltyMs = 1_000, notReady: Endpoint[] = []): Promise<void> {
  const policy = { maxFailures: 3, minPenaltyMs: penaltyMs, maxPenaltyMs: 60_000, jitterRatio: 0 };
  const sidecar = { instance: CLIENT, service: "orders", version: "v1", statsSocket: lab.stats };
  await observer.listSidecars({ sidecars: [{ ...sidecar, breakers: { catalog: policy } }], notReady });
  await followed();
}

/** The observer looks at the file four times a second. */
function followed(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 400));
}

function endpoints(state: "ready" | "pending") {
  const labels = { ...POD, parent_name: "catalog", backend_name: "catalog-v1", endpoint_state: state };
  return observer.metric("outbound_http_balancer_endpoints", labels);
}

const lost = () => observer.metric("mesh_request_lines_lost_total", POD);
const isOut = async (endpoint: Endpoint) => (await lab.states(endpoint)).every((state) => state.startsWith("MAINT"));
const isIn = async (endpoint: Endpoint) => (await lab.states(endpoint)).every((state) => state === "no check");

async function trip(): Promise<void> {
  lab.failing.add(BAD);
  await lab.calls(6);
  await eventually(() => isOut(BAD));
}

test("finds exactly as many lines lost as were lost, and none after a reload", async () => {
  const received = async () => observer.metric("mesh_request_lines_total");
  await lab.calls(40);
  await eventually(async () => (await received()) === 40);
  let seen = 0;
  lab.isLost = () => seen++ % 4 === 0;
  await lab.calls(20);
  await eventually(async () => (await lost()) === 5);
  lab.isLost = () => false;
  await lab.reload();
  await lab.calls(10);
  await eventually(async () => (await received()) === 65);
  // Two looks at the new worker: the first begins anew, and so may the second.
  await new Promise((resolve) => setTimeout(resolve, 10_500));
  assert.equal(await lost(), 5);
  lab.isLost = () => true;
  await lab.calls(3);
  await eventually(async () => (await lost()) === 8);
  assert.match(observer.said(), /"instance":"orders-v1-1","lines":5,"msg":"request lines were lost"/);
});

test("takes a failing endpoint out of all backends after as many failures in a row, and tells", async () => {
  lab.failing.add(BAD);
  await lab.calls(4);
  assert.equal(await isIn(BAD), true, "two failures are not enough");
  await lab.calls(2);
  await eventually(() => isOut(BAD));
  assert.deepEqual(new Set(await lab.calls(10)), new Set([GOOD]));
  assert.equal(await lab.call(1), GOOD, "in the route's other backend too");
  await eventually(async () => (await endpoints("pending")) === 1);
  assert.equal(await endpoints("ready"), 1);
  assert.match(observer.said(), /"endpoint":"catalog-v1-2","failures":3,"wasProbe":false,"penaltyMs":1000/);
});

test("tells when the sidecar's certificate expires", async () => {
  const expires = async () => observer.metric("identity_cert_expiration_timestamp_seconds", POD);
  await eventually(async () => (await expires()) === lab.certificateExpires);
});

test("lets it in for a probe, trips at once when that fails, and forgets after a success", async () => {
  await trip();
  await eventually(() => isIn(BAD));
  await lab.calls(2);
  await eventually(() => isOut(BAD));
  assert.match(observer.said(), /"wasProbe":true,"penaltyMs":2000/);
  lab.failing.clear();
  await eventually(() => isIn(BAD));
  await lab.calls(2);
  lab.failing.add(BAD);
  await lab.calls(4);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await isIn(BAD), true, "two failures are not enough again");
});

test("takes it out again when a reload, or somebody else, let it in", async () => {
  await list(30_000);
  await trip();
  await lab.reload();
  await eventually(() => isOut(BAD));
  await lab.setState(BAD, "ready");
  await eventually(() => isOut(BAD));
});

test("leaves an endpoint out that is not ready, and one alone that it did not take out", async () => {
  await trip();
  await list(1_000, [BAD]);
  await eventually(() => /let in again/.test(observer.said()));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await isOut(BAD), true, "the supervisor decides");
  await lab.setState(GOOD, "maint");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(await isOut(GOOD), true);
});

test("lets everything in when it ends, and the next one what a killed one left out", async () => {
  await list(30_000);
  await trip();
  await observer.stop();
  assert.equal(await isIn(BAD), true);

  observer = await startObserver(observer.folder);
  lab.relayTo(observer);
  await list(30_000);
  await trip();
  await observer.kill();
  assert.equal(await isOut(BAD), true);
  observer = await startObserver(observer.folder);
  await eventually(() => isIn(BAD));
});

test("breaks nothing without a policy, and lets in when it is taken away", async () => {
  await list(30_000);
  await trip();
  const sidecar = { instance: CLIENT, service: "orders", version: "v1", statsSocket: lab.stats, breakers: {} };
  await observer.listSidecars({ sidecars: [sidecar], notReady: [] });
  await eventually(() => isIn(BAD));
  await lab.calls(20);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await isIn(BAD), true);
});

test("what an instance did wrong goes with it: the next one of its name is let in, and may fail as often as any", async () => {
  const policy = { maxFailures: 3, minPenaltyMs: 30_000, maxPenaltyMs: 60_000, jitterRatio: 0 };
  const client = { instance: CLIENT, service: "orders", version: "v1", statsSocket: lab.stats };
  const sidecars = [{ ...client, breakers: { catalog: policy } }];
  const callee = { instance: BAD, service: "catalog", version: "v1", statsSocket: `${lab.stats}.none`, breakers: {} };
  await observer.listSidecars({ sidecars: [...sidecars, callee], notReady: [] });
  await followed();
  await trip();
  await observer.listSidecars({ sidecars, notReady: [] });
  await eventually(() => isIn(BAD));
  await observer.listSidecars({ sidecars: [...sidecars, callee], notReady: [] });
  await followed();
  await lab.calls(4);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await isIn(BAD), true, "two failures are not enough");
  await lab.calls(2);
  await eventually(() => isOut(BAD));
  assert.match(observer.said(), /"wasProbe":false,"penaltyMs":30000[\s\S]*"wasProbe":false,"penaltyMs":30000/);
});
