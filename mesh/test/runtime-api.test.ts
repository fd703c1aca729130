import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { freePort } from "@row/tests/harness/ports.ts";
import { afterAll, test } from "vitest";
import { checkConfiguration } from "../src/haproxy/data-plane/check-configuration.ts";
import { giveCommand, giveCommands } from "../src/haproxy/data-plane/command.ts";
import { reload } from "../src/haproxy/data-plane/reload.ts";
import { HAPROXY, renew, startTwoSidecars } from "./two-sidecars.ts";

const PORT = await freePort();
const mesh = await startTwoSidecars(PORT);
afterAll(() => mesh.close());
const { caller, callee, anchor, folder } = mesh;
const MAP = join(folder, "weights.map");

/** Calls from several sides without a pause while `change` runs, and a few times after it. */
async function underCalls(
  change: () => Promise<void>,
  call = mesh.call,
): Promise<{ calls: number; failures: unknown[] }> {
  let isOver = false;
  let calls = 0;
  const failures: unknown[] = [];
  const streams = Array.from({ length: 4 }, async () => {
    for (let more = 25; more > 0; more -= isOver ? 1 : 0) {
      calls += 1;
      await call().catch((error: unknown) => failures.push(error));
    }
  });
  await change().finally(() => {
    isOver = true;
  });
  await Promise.all(streams);
  return { calls, failures };
}

/** The serial number of the certificate that the callee's sidecar shows to whoever connects. */
function shownByCallee(): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: PORT, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber);
      socket.destroy();
    }).on("error", reject);
  });
}

test("certificates are replaced on both sides without a failed call, and the peers see the new ones", async () => {
  const before = new X509Certificate(await readFile(caller.certificate)).serialNumber;
  assert.equal((await mesh.callAnew())["x-caller-serial"], before);
  const last = { caller: "", callee: "" };
  let count = 0;
  const either = () => (count++ % 3 === 0 ? mesh.callAnew() : mesh.call());
  const { calls, failures } = await underCalls(async () => {
    for (let round = 0; round < 5; round++) {
      const forCaller = await renew(anchor, caller, "orders");
      await caller.api.replaceCertificate(caller.certificate, forCaller.pem);
      const forCallee = await renew(anchor, callee, "catalog");
      await callee.api.replaceCertificate(callee.certificate, forCallee.pem);
      last.caller = forCaller.serial;
      last.callee = forCallee.serial;
    }
  }, either);
  assert.deepEqual(failures, []);
  assert.ok(calls > 100);
  const headers = await mesh.callAnew();
  assert.equal(headers["x-caller"], "orders.shop");
  assert.equal(headers["x-caller-serial"], last.caller);
  assert.equal(await shownByCallee(), last.callee);
});

test("a certificate that HAProxy refuses leaves the old one in use and nothing half done", async () => {
  const before = await caller.api.certificateSerial(caller.certificate);
  const { pem } = await anchor.issue({ account: "orders" });
  const withoutKey = pem.slice(0, pem.indexOf("-----BEGIN PRIVATE KEY"));
  await assert.rejects(caller.api.replaceCertificate(caller.certificate, withoutKey), /"(set|commit) ssl cert .*"/);
  assert.equal(await caller.api.certificateSerial(caller.certificate), before);
  assert.equal((await mesh.callAnew())["x-caller-serial"], before);
  await caller.api.replaceCertificate(caller.certificate, pem);
  await assert.rejects(
    caller.api.replaceCertificate("/nowhere.pem", pem),
    /"set ssl cert \/nowhere.pem": Can't replace a certificate which is not referenced/,
  );
});

test("entries of a map are set, added, and replaced as a whole", async () => {
  assert.equal((await mesh.call())["x-weights"], "90/none");
  await caller.api.setMapEntries(MAP, { v1: "80", v2: "20" });
  assert.equal((await mesh.call())["x-weights"], "80/20");
  await caller.api.replaceMap(MAP, { v1: "100" });
  assert.equal((await mesh.call())["x-weights"], "100/none");
  await assert.rejects(
    caller.api.setMapEntries("/nowhere.map", { a: "1" }),
    /"set map \/nowhere.map a 1": Unknown map/,
  );
  await assert.rejects(caller.api.setMapEntries(MAP, { "a b": "1" }), /holds no spaces/);
});

test("a server is taken out, drained and brought back", async () => {
  const statusOf = async (name: string) =>
    (await caller.api.showStat()).find((line) => line.proxy === "catalog" && line.server === name)?.status;
  assert.match((await statusOf("catalog-v1-2")) ?? "", /^MAINT/);
  await caller.api.setServerState("catalog", "catalog-v1-2", "ready");
  await caller.api.setServerState("catalog", "catalog-v1-1", "drain");
  assert.match((await statusOf("catalog-v1-1")) ?? "", /^DRAIN/);
  await mesh.call();
  await caller.api.setServerState("catalog", "catalog-v1-1", "maint");
  await caller.api.setServerState("catalog", "catalog-v1-2", "maint");
  await assert.rejects(mesh.call(), { code: 14 });
  await caller.api.setServerState("catalog", "catalog-v1-1", "ready");
  await mesh.call();
  await assert.rejects(caller.api.setServerState("catalog", "nobody", "ready"), /catalog\/nobody.*: No such server/);
});

test("one connection tells what a worker does: its servers, its map and its certificate", async () => {
  await caller.api.setServerState("catalog", "catalog-v1-2", "maint");
  await caller.api.replaceMap(MAP, { v1: "70", v2: "30" });
  const { servers, entries, serial } = await caller.api.doings(MAP, caller.certificate);
  assert.equal(servers.get("catalog/catalog-v1-1"), false);
  assert.equal(servers.get("catalog/catalog-v1-2"), true);
  assert.deepEqual(entries, { v1: "70", v2: "30" });
  assert.equal(serial, await caller.api.certificateSerial(caller.certificate));
  const elsewhere = await caller.api.doings("/nowhere.map", "/nowhere.pem");
  assert.deepEqual([elsewhere.entries, elsewhere.serial], [{}, undefined]);
});

test("many servers change over one connection, and the one that is refused is named", async () => {
  const change = (server: string, state: "maint" | "ready") => ({ backend: "catalog", server, state });
  await caller.api.setServerStates([change("catalog-v1-1", "maint"), change("catalog-v1-2", "ready")]);
  const { servers } = await caller.api.doings(MAP, caller.certificate);
  assert.deepEqual([servers.get("catalog/catalog-v1-1"), servers.get("catalog/catalog-v1-2")], [true, false]);
  await assert.rejects(
    caller.api.setServerStates([change("nobody", "ready"), change("catalog-v1-1", "ready")]),
    /"set server catalog\/nobody state ready": No such server/,
  );
  await caller.api.setServerStates([change("catalog-v1-2", "maint")]);
  await mesh.call();
});

test("more connections at once than HAProxy's queue holds all get their answer", async () => {
  // A stopped worker accepts nobody, so that its queue fills up: connect(2) then says EAGAIN on a unix socket.
  const { pid } = await caller.api.showInfo();
  process.kill(pid, "SIGSTOP");
  const asked = Array.from({ length: 100 }, () => caller.api.showInfo());
  setTimeout(() => process.kill(pid, "SIGCONT"), 200);
  const outcomes = await Promise.allSettled(asked);
  const refusals = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? String(outcome.reason) : []));
  assert.deepEqual([...new Set(refusals)], []);
});

test("counters count what passed", async () => {
  const requests = async () => (await caller.api.showStat()).find((line) => line.proxy === "out")?.req_tot ?? 0;
  const before = await requests();
  for (let count = 0; count < 7; count++) await mesh.call();
  assert.equal((await requests()) - before, 7);
  const info = await caller.api.showInfo();
  assert.ok(info.pid > 0 && info.uptimeSeconds >= 0 && info.currentConnections >= 1);
});

test("a reload loses no call and answers with the new worker", async () => {
  const { pid } = await caller.api.showInfo();
  const pids: number[] = [];
  const { failures } = await underCalls(async () => {
    pids.push(await reload(caller.sockets), await reload(callee.sockets), await reload(caller.sockets));
  });
  assert.deepEqual(failures, []);
  assert.equal(new Set([pid, ...pids]).size, 4);
  assert.equal((await caller.api.showInfo()).pid, pids[2]);
});

test("a configuration that HAProxy refuses is named, and the old one goes on", async () => {
  await checkConfiguration(HAPROXY, callee.file);
  const good = await readFile(callee.file, "utf8");
  await writeFile(callee.file, `${good}  bogus\n`);
  const line = good.split("\n").length;
  await assert.rejects(checkConfiguration(HAPROXY, callee.file), {
    message: `Cannot use ${callee.file}: line ${line}: unknown keyword 'bogus' in 'backend' section`,
  });
  await assert.rejects(reload(callee.sockets), /refuses the new configuration and goes on with the old one/);
  await mesh.call();
  await writeFile(callee.file, good);
  await reload(callee.sockets);
  await assert.rejects(checkConfiguration("/nowhere/haproxy", callee.file), /\/nowhere\/haproxy does not exist/);
});

test("a socket that nobody serves or answers is named with the command", async () => {
  const silent = join(folder, "silent");
  const server = createServer().listen(silent);
  await assert.rejects(giveCommand(silent, "show info", undefined, 50), /"show info" over .*: no answer within 50 ms/);
  server.close();
  await assert.rejects(giveCommand(join(folder, "nobody"), "show info"), /"show info" over .*ENOENT/);
  await assert.rejects(giveCommand(silent, "show info; quit"), /more than one command/);
  await assert.rejects(giveCommands(silent, ["show info", "quit; quit"]), /more than one command/);
  await assert.rejects(giveCommands(join(folder, "nobody"), ["show info", "show stat"]), /"show info" and 1 more/);
  await assert.rejects(giveCommand(silent, "add map", "a\n\nquit"), /blank line/);
});
