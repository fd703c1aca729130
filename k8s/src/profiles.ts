import { join } from "node:path";
import { registry } from "@row/runtime/contract.ts";
import { eventsIn } from "@row/runtime/events/stream-names.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { coreFiles } from "./core.ts";
import { observabilityFiles } from "./observability/files.ts";
import { RENDERED, renderFile } from "./render.ts";
import { secretTable } from "./secrets.ts";
import { ShopPlan } from "./shop.ts";

const PUBLISHERS = new Set(eventsIn(registry).map(({ domain }) => domain));

/** The shop of a checkout. */
export function shopAt(root: string): ShopPlan {
  return new ShopPlan({ root, services: discoverServices(root), publishes: (name) => PUBLISHERS.has(name) });
}

/** What each profile consists of: the files' names without ".yaml", and their objects. */
const PROFILES: Record<string, (shop: ShopPlan) => Map<string, object[]>> = {
  core: coreFiles,
  observability: observabilityFiles,
};

/** The text of every rendered file, by its path from the repository's root. */
export function renderedFiles(shop: ShopPlan): Map<string, string> {
  const files = new Map<string, string>();
  for (const [profile, objectsOf] of Object.entries(PROFILES)) {
    for (const [name, objects] of objectsOf(shop)) {
      if (objects.length > 0) files.set(join("k8s/rendered", profile, `${name}.yaml`), renderFile(objects));
    }
  }
  const head = `${RENDERED} every service.yaml by \`npm run k8s:render\`, for k8s/secrets.sh: Secret, key, value`;
  files.set("k8s/rendered/secrets.txt", `${head}\n${secretTable(shop)}`);
  return files;
}
