// Starts the one shop that tests/harness/the-shop.ts shares between files, when the first of them asks for it: until then it would
// take processor time from the others.

import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { messageOf } from "@row/topology/row-error.ts";
import type { TestProject } from "vitest/node";
import { portBase } from "../harness/ports.ts";

/** What comes through the door's socket, in one line. */
export type DoorAnswer = { readonly stateDir: string; readonly portBase: number } | { readonly problem: string };

declare module "vitest" {
  interface ProvidedContext {
    /** The socket that tells who connects where the shop is, once it serves. */
    shopDoor: string;
  }
}

export default function setup(project: TestProject): () => Promise<void> {
  const folder = process.env.ROW_TEST_FOLDER ?? mkdtempSync(join(tmpdir(), "row-"));
  let starting: Promise<Shop> | undefined;
  const door = createServer(async (visitor) => {
    visitor.on("error", () => {}); // who asked has ended
    starting ??= start(folder);
    const answer: DoorAnswer = await starting.then(
      (shop) => shop.installation,
      (error) => ({ problem: `The shop that files share does not start: ${messageOf(error)}` }),
    );
    visitor.end(JSON.stringify(answer));
  });
  const address = join(folder, "shop-door");
  door.listen(address).unref();
  project.provide("shopDoor", address);
  return async () => {
    door.close();
    await starting?.then(
      (shop) => shop.destroy(),
      () => {}, // has said so to who asked
    );
  };
}

async function start(folder: string): Promise<Shop> {
  const began = performance.now();
  const stateDir = mkdtempSync(join(folder, "shop-"));
  const shop = await startShop({ stateDir, portBase: await portBase(), isThrowaway: true });
  console.log(`· the shop serves after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  return shop;
}
