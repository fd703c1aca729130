/** What the gateway keeps is bounded, on disk and in memory, while it runs and after it was started anew. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "vitest";
import type { ChargeAct } from "../src/charge.ts";
import { type Entry, Gateway } from "../src/gateway.ts";

const MOST = 50;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "card-gateway-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const opened = () =>
  Gateway.open(
    folder,
    (error) => {
      throw error;
    },
    { mostEntries: MOST },
  );

/** Authorizes and captures a charge. */
async function pay(gateway: Gateway, reference: string, token = "tok_ok"): Promise<void> {
  const authorize: ChargeAct = { action: "authorize", reference, amountMinor: "1250", currency: "EUR", token };
  await gateway.act(authorize, `${reference}:authorize`, "1");
  await gateway.act({ action: "capture", reference }, `${reference}:capture`, "2");
}

async function entriesOf(gateway: Gateway): Promise<Entry[]> {
  const lines = await text(await gateway.log());
  return lines
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("of many charges the latest are kept, and as many acts in two files", async () => {
  const gateway = await opened();
  for (let paid = 1; paid <= 4 * MOST; paid += 1) await pay(gateway, `o-${paid}`);
  const { charges, answers } = gateway.remembered;
  assert.deepEqual({ charges, answers }, { charges: MOST, answers: 2 * MOST });
  assert.equal(await gateway.charge("o-1"), undefined);
  assert.equal((await gateway.charge(`o-${4 * MOST}`))?.status, "captured");
  const names = await readdir(folder);
  assert.deepEqual(names.sort(), ["gateway.log", "gateway.log.1"]);
  for (const name of names) {
    const lines = (await readFile(join(folder, name), "utf8")).split("\n").length - 1;
    assert.ok(lines <= MOST, `${name} has ${lines} lines`);
  }
  await gateway.close();
});

test("the log is whole over the change of files: every act once, in order, the last one included", async () => {
  const gateway = await opened();
  for (let paid = 1; paid <= MOST - 5; paid += 1) await pay(gateway, `o-${paid}`);
  const entries = await entriesOf(gateway);
  assert.deepEqual(
    entries.map(({ sequence }) => sequence),
    Array.from({ length: 2 * (MOST - 5) }, (_, index) => index + 1),
  );
  await gateway.close();
});

test("started anew it goes on with what both files hold", async () => {
  const before = await opened();
  for (let paid = 1; paid <= MOST - 5; paid += 1) await pay(before, `o-${paid}`);
  await before.close();
  const gateway = await opened();
  assert.equal((await gateway.charge("o-1"))?.status, "captured");
  await pay(gateway, "o-1");
  assert.equal((await entriesOf(gateway)).length, 2 * (MOST - 5), "repeats get the first answers");
  await pay(gateway, "another");
  assert.equal((await entriesOf(gateway)).at(-1)?.sequence, 2 * (MOST - 5) + 2);
  await gateway.close();
});

test("authorizations that fail once and are not tried again are not remembered for ever", async () => {
  const gateway = await opened();
  const flaky = (reference: string): ChargeAct => ({
    ...{ action: "authorize", reference, amountMinor: "1", currency: "EUR", token: "tok_flaky" },
  });
  for (let tried = 1; tried <= 10_010; tried += 1) await gateway.act(flaky(`o-${tried}`), `k-${tried}`, "1");
  assert.equal(gateway.remembered.flaky, 10_000);
  await gateway.close();
});
