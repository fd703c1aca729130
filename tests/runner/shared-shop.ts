// Starts the one shop that tests/harness/the-shop.ts shares between files.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startShop } from "@row/laptop/shop/shop.ts";
import type { TestProject } from "vitest/node";
import { portBase } from "../harness/ports.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the shared shop is. */
    sharedShop: { readonly stateDir: string; readonly portBase: number };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const began = performance.now();
  const stateDir = mkdtempSync(join(process.env.ROW_TEST_FOLDER ?? tmpdir(), "shop-"));
  const shop = await startShop({ stateDir, portBase: await portBase(), isThrowaway: true });
  project.provide("sharedShop", { stateDir, portBase: shop.installation.portBase });
  console.log(`· the shop serves after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  return () => shop.destroy();
}
