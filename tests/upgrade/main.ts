/**
 * `npm run check -- upgrade`: starts the last release, places orders and stops it with some under way, then starts this code
 * on the same state folder and checks that every order ends and every invariant holds.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkOut, commitAt } from "@row/laptop/git-checkout.ts";
import { startShop } from "@row/laptop/shop/shop.ts";
import { DEMO_PRODUCTS } from "../chaos/demo-shelf.ts";
import { restDoor, signInAt } from "../chaos/rest-door.ts";
import { Shopper } from "../chaos/shopper.ts";
import { portBase } from "../harness/ports.ts";
import { Rest } from "../harness/rest.ts";
import { describe, violationsIn } from "../invariants/invariants.ts";
import { readEvidence } from "../invariants/read-evidence.ts";
import { settle } from "../invariants/settle.ts";

const ORDERS = 200;
const UNDER_WAY = 20;
const PORT_BASE = await portBase();
const SETTLE_MS = 120_000;

/** The release that data must be taken over from; each release writes itself into this file. */
const release: { version: string; commit: string } = JSON.parse(
  readFileSync(join(import.meta.dirname, "release.json"), "utf8"),
);
if (commitAt(release.commit) === undefined) {
  console.log(`skipped: this clone does not hold release ${release.version}; git fetch --unshallow gets it`);
  process.exit(0);
}
const checkout = checkOut(release.commit);
const stateDir = mkdtempSync(join(tmpdir(), "row-upgrade-"));

/** `row` of the last release, on the state folder of this run. */
function releasedRow(...args: string[]): string {
  const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(PORT_BASE) };
  return execFileSync("npm", ["run", "--silent", "row", "--", ...args], { cwd: checkout, env, encoding: "utf8" });
}

interface Running {
  readonly name: string;
  readonly pid: number;
  readonly addresses: Readonly<Record<string, string>>;
}

const accepted: string[] = [];
const started = releasedRow("up", "--detach");
try {
  const password = /Password\s+(\S+)/.exec(started)?.[1];
  if (!password) throw new Error(`The release did not print its demo password:\n${started}`);
  const { processes }: { processes: Running[] } = JSON.parse(releasedRow("status", "--json"));
  const running = (name: string): Running => {
    const found = processes.find((process) => process.name === name);
    if (!found) throw new Error(`The release does not run ${name}`);
    return found;
  };
  const rest = new Rest(`http://${running("edge").addresses.http}`);
  const shopper = new Shopper(restDoor(rest, await signInAt(rest, "alice", password)));
  const place = (index: number) => {
    const product = DEMO_PRODUCTS[index % 5];
    if (!product) throw new Error("There are no demo products");
    const paymentToken = index % 10 === 0 ? "tok_declined" : "tok_ok";
    return shopper.place({ items: [{ productId: product.id, quantity: 1 }], paymentToken });
  };
  for (let index = 0; index < ORDERS - UNDER_WAY; index += 1) await place(index);
  // With the card gateway frozen no further order can end before the shop stops.
  process.kill(running("card-gateway").pid, "SIGSTOP");
  for (let index = ORDERS - UNDER_WAY; index < ORDERS; index += 1) await place(index);
  accepted.push(...shopper.accepted);
} finally {
  releasedRow("down");
}
console.log(`Release ${release.version} accepted ${accepted.length} orders and stopped`);

const shop = await startShop({ stateDir, portBase: PORT_BASE });
let holds = false;
try {
  const opened = await settle(shop, 0);
  console.log(`This code took them over, ${opened.sagas} sagas still under way`);
  const left = await settle(shop, SETTLE_MS);
  const evidence = await readEvidence(shop, accepted);
  const ended = Map.groupBy(evidence.orders, ({ state, cancelReason }) => `${state} ${cancelReason}`.trim());
  for (const [how, orders] of ended) console.log(`  ${orders.length} ${how}`);
  const violations = violationsIn(evidence);
  if (violations.length > 0) console.log(describe(violations));
  if (left.sagas > 0) console.log(`${left.sagas} sagas did not end within ${SETTLE_MS / 1_000} s`);
  holds = violations.length === 0 && left.sagas === 0 && accepted.length === ORDERS;
} finally {
  await (holds ? shop.destroy() : shop.stop());
}
console.log(
  holds ? "Upgrade: every order ended and every invariant holds" : `Upgrade: broken; the state is kept in ${stateDir}`,
);
process.exitCode = holds ? 0 : 1;
