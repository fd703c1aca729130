/** Calls of every RPC by everybody, through every door, held against the matrix that was written by hand. */
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { serviceOfType } from "@row/runtime/names.ts";
import {
  difference,
  END_USERS,
  expectedCode,
  expectedCodeAtTheEdge,
  expectedCodeOfService,
  isAllowed,
} from "../harness/access-expectations.ts";
import { type Matrix, readMatrices } from "../harness/access-matrix.ts";
import { NO_MESSAGE, type Probe } from "../harness/probe.ts";
import type { TheShop } from "../harness/the-shop.ts";
import type { Attack } from "./setting.ts";

const NONE: Matrix = new Map();
const [users = NONE, services = NONE] = readMatrices(join(import.meta.dirname, "../access.md"));
const RPCS = [...users.keys()];

/** Keeps its connections, as an attacker would. */
export class AccessAttacks {
  readonly #shop: TheShop;
  readonly #probes = new Map<string, Probe>();
  readonly #rpcs: readonly string[];

  constructor(shop: TheShop) {
    this.#shop = shop;
    this.#rpcs = RPCS.filter((rpc) => shop.services.includes(serviceOfType(`/${rpc}`)));
  }

  readonly byEndUser: Attack = async ({ sessions }, random) => {
    const rpc = this.#rpcs[random.between(0, this.#rpcs.length - 1)] ?? "";
    const row = users.get(rpc) ?? {};
    const user = END_USERS[random.between(0, END_USERS.length - 1)] ?? "";
    const token = sessions[user]?.accessToken;
    const door = random.pick(["its own port", "the toolbox", "the edge"]);
    if (door === "the edge") {
      const outcome = await this.#probe("edge").call(`/${rpc}`, Buffer.alloc(0), { token });
      // An empty message is readable, so that a call that only reads may be a whole one.
      if (isAllowed(row[user]) && outcome.code === status.OK) return [];
      return difference(`${rpc} by ${user} at the edge`, outcome, expectedCodeAtTheEdge(row, user));
    }
    const service = door === "the toolbox" ? "toolbox" : undefined;
    const outcome = await this.#probe(serviceOfType(`/${rpc}`)).call(`/${rpc}`, NO_MESSAGE, { token, service });
    return difference(`${rpc} by ${user} through ${door}`, outcome, expectedCode(row, user));
  };

  readonly byService: Attack = async ({ sessions }, random) => {
    const rpc = this.#rpcs[random.between(0, this.#rpcs.length - 1)] ?? "";
    const cells = Object.entries(services.get(rpc) ?? {}).filter(([name]) => name !== "nobody" && name !== "others");
    const [service = "", cell] = cells[random.between(0, cells.length - 1)] ?? [];
    // Edge and toolbox speak for people, and say so by a token.
    const hasToken = service === "edge" || service === "toolbox" || random.chance(0.5);
    const token = hasToken ? sessions.admin?.accessToken : undefined;
    const outcome = await this.#probe(serviceOfType(`/${rpc}`)).call(`/${rpc}`, NO_MESSAGE, { service, token });
    return difference(`${rpc} by the service ${service}`, outcome, expectedCodeOfService(cell));
  };

  async close(): Promise<void> {
    for (const probe of this.#probes.values()) await probe.close();
  }

  #probe(name: string): Probe {
    const known = this.#probes.get(name) ?? this.#shop.probe(name);
    this.#probes.set(name, known);
    return known;
  }
}
