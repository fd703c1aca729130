/** How versions misbehave on purpose: a file for each, which its instances follow and nobody but this user may read or write. */
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Orders } from "@row/runtime/behaviour/behaviour-file.ts";
import { InvalidBehaviour, parseBehaviour } from "@row/runtime/behaviour/catalogue.ts";
import { misfit } from "@row/runtime/behaviour/misfit.ts";
import { methods } from "@row/runtime/contract.ts";
import { replaceFile } from "@row/topology/replace-file.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";

/** What is injected into a version, until when: in status, stat and everywhere else. */
export interface InjectedVersion extends Orders {
  readonly service: string;
  readonly version: string;
}

const ENDING = ".json";

export class Behaviours {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  }

  /** Where the instances of a version look; there is a file while something is injected. */
  fileOf(service: string, version: string): string {
    return join(this.#folder, `${service}@${version}${ENDING}`);
  }

  /** Has a version behave like this from now on, and in no other way. @param forMs until it is told otherwise when absent */
  set(
    service: string,
    version: string,
    behaviours: readonly string[],
    { forMs, seed }: BehaveOptions,
  ): InjectedVersion {
    const until = forMs === undefined ? undefined : new Date(Date.now() + forMs).toISOString();
    const orders: Orders = { behaviours, ...(until && { until }), seed: seed ?? randomUUID() };
    const file = this.fileOf(service, version);
    // Whole at any time, since instances read it when it changes.
    replaceFile(file, `${JSON.stringify(orders)}\n`);
    return { service, version, ...orders };
  }

  clear(service: string, version: string): void {
    rmSync(this.fileOf(service, version), { force: true });
  }

  /** What is injected now. */
  all(): InjectedVersion[] {
    const names = readdirSync(this.#folder).filter((name) => name.endsWith(ENDING));
    return names.sort().flatMap((name) => {
      const [service = "", version = ""] = name.slice(0, -ENDING.length).split("@");
      const orders = JSON.parse(readFileSync(join(this.#folder, name), "utf8")) as Orders; // written by `set`
      if (orders.until === undefined || Date.parse(orders.until) > Date.now()) return [{ service, version, ...orders }];
      // Its instances have ended it by themselves.
      this.clear(service, version);
      return [];
    });
  }
}

/** How long it goes on, and what the random decisions follow from. */
export interface BehaveOptions {
  readonly forMs?: number;
  readonly seed?: string;
}

/** Refuses behaviours that mean nothing, or nothing for this service. */
export function checkBehaviours({ name, bugs }: ServiceManifest, texts: readonly string[]): void {
  const own = [...methods.values()].filter(({ service }) => service === name).map(nameOf);
  for (const text of texts) {
    const why = misfit(parsed(text), { name, methods: own, bugs });
    if (why !== undefined) throw new RowError(`Cannot have ${name} behave "${text}": ${why}`);
  }
}

function nameOf({ descriptor }: { readonly descriptor: { readonly name: string } }): string {
  return descriptor.name;
}

function parsed(text: string) {
  try {
    return parseBehaviour(text);
  } catch (error) {
    throw error instanceof InvalidBehaviour ? new RowError(messageOf(error)) : error;
  }
}
