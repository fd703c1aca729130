import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type ServicesUnderTest, startServices } from "../harness/service-under-test.ts";
import { violationsAtRest, violationsIn, describe as violationsText } from "../invariants/invariants.ts";
import { readEvidence } from "../invariants/read-evidence.ts";
import { settle } from "../invariants/settle.ts";
import { CrashLists } from "./crash-lists.ts";
import { type CrashRow, type Scenario, waves } from "./crash-table.ts";
import { DEMO_SHELF } from "./demo-shelf.ts";
import { grpcDoor } from "./grpc-door.ts";
import { play } from "./scenarios.ts";
import { Shopper } from "./shopper.ts";

const SERVICES = ["catalog", "inventory", "orders", "payments", "card-gateway"];
const HIT_MS = 45_000;
const RECOVERY_MS = 45_000;
/** Longer than JetStream waits for an acknowledgement before it delivers again. */
const REDELIVERY_MS = 45_000;

const lists = new CrashLists();
let services: ServicesUnderTest;
let shopper: Shopper;

beforeAll(async () => {
  const envOf = lists.environment(SERVICES);
  // On a busy machine everything takes longer, and no order shall be given up for that.
  const env = { SAGA_TIMEOUT_MS: "120000" };
  services = await startServices({ services: SERVICES, env, envOf, longestBackoffMs: 200 });
  shopper = new Shopper(grpcDoor(services, await services.auth.tokenFor()));
});
afterAll(async () => {
  await services?.stop();
  lists.remove();
});

async function cardIsAsked(orderId: string): Promise<void> {
  const { address } = services.shop.process("card-gateway");
  const isKnown = () => fetch(`http://${address}/v1/authorizations/${orderId}`).then(({ ok }) => ok);
  const end = Date.now() + HIT_MS;
  while (!(await isKnown()) && Date.now() < end) await sleep(20);
}

async function isHit({ service, point }: CrashRow, restartsBefore: number): Promise<boolean> {
  const end = Date.now() + HIT_MS;
  while (Date.now() < end) {
    if (lists.isHit(service, point) && services.shop.process(service).restarts > restartsBefore) return true;
    await sleep(25);
  }
  lists.disarm(service);
  return false;
}

describe("whatever dies wherever it dies, every invariant holds", () => {
  for (const [index, wave] of waves().entries()) {
    describe(`wave ${index + 1}`, () => {
      let hits: Map<CrashRow, Promise<boolean>>;
      let ends: Map<Scenario, Promise<unknown>>;

      beforeAll(() => {
        hits = new Map(
          wave.map((row) => {
            const { restarts } = services.shop.process(row.service);
            lists.arm(row.service, row.point);
            return [row, isHit(row, restarts)];
          }),
        );
        const scenarios = new Set(wave.map(({ scenario }) => scenario));
        const playing = (scenario: Scenario) =>
          play(scenario, shopper, DEMO_SHELF, cardIsAsked).catch((error: Error) => error);
        ends = new Map([...scenarios].map((scenario) => [scenario, playing(scenario)]));
      });

      for (const row of wave) {
        test(`${row.service} dies at ${row.point} of an order that is ${row.scenario}`, async () => {
          assert.ok(await hits.get(row), "nobody came to this point");
          await services.shop.whenReady(row.service);
          const end = await ends.get(row.scenario);
          if (end instanceof Error) throw end;
        });
      }

      test(`all is in order after ${wave.map(({ service, point }) => `${service} at ${point}`).join(", ")}`, async () => {
        await settle(services.shop, RECOVERY_MS, { consumers: false });
        const violations = violationsAtRest(await readEvidence(services.shop, shopper.accepted));
        assert.equal(violationsText(violations), "");
      });
    });
  }

  test("in the end every consumer has applied every event once", async () => {
    await settle(services.shop, REDELIVERY_MS);
    assert.equal(violationsText(violationsIn(await readEvidence(services.shop, shopper.accepted))), "");
    assert.deepEqual(shopper.contradictions, []);
  });
});
