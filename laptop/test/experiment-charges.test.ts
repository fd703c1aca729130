/** What an experiment on payments hears from the card gateway itself. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@row/tests/harness/ports.ts";
import { test } from "vitest";
import { GatewayProcess } from "../../services/card-gateway/test/gateway-process.ts";
import { cardCharges } from "../src/experiments/card-charges.ts";

test("each order's charge is told as the gateway has it, and none of an order that it has never seen", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "row-charges-"));
  const gateway = new GatewayProcess(await freePort(), folder);
  context.onTestFinished(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await gateway.start();
  const authorize = (reference: string, token: string) =>
    gateway.post("/v1/authorizations", reference, { reference, amountMinor: "1290", currency: "EUR", token });
  await authorize("charged", "tok_ok");
  await gateway.post("/v1/authorizations/charged/capture", "capture-charged");
  await authorize("declined", "tok_declined");
  const asked = ["charged", "declined", "never-seen", "nor-this", "nor-that"];
  const charges = await cardCharges(`127.0.0.1:${gateway.port}`, asked, AbortSignal.timeout(5_000));
  assert.deepEqual(Object.fromEntries(charges), {
    charged: { status: "captured", amountMinor: 1_290n },
    declined: { status: "declined", amountMinor: 1_290n },
  });
});
