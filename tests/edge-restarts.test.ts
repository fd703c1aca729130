/** The edge is started anew under load, as a laptop does it: another one listens before the old one stops. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, beforeAll, test } from "vitest";
import { portBase } from "./harness/ports.ts";

const CONNECTIONS = 64;
const PER_SECOND = 60;
const RESTARTS = 5;
const BODY = JSON.stringify({ refreshToken: "x".repeat(43) });

const folder = mkdtempSync(join(tmpdir(), "row-edge-restarts-"));
let shop: Shop;
let url: string;

beforeAll(async () => {
  shop = await startShop({ stateDir: join(folder, "state"), portBase: await portBase() });
  url = `http://${shop.process("edge").address}`;
});
afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** One client with its own connection, which it keeps. Answers the status, or why there is none. */
class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** A read, which the edge answers alone, or something that may not be asked again, and that goes on to a service. */
  ask(isRead: boolean): Promise<string> {
    const [method, path] = isRead ? ["GET", "/docs"] : ["POST", "/v1/auth/logout"];
    const headers = isRead ? {} : { "content-type": "application/json", "content-length": BODY.length };
    return new Promise((resolve) => {
      const asked = request(url + path, { method, headers, agent: this.#agent }, (answer: IncomingMessage) => {
        answer.resume();
        answer.once("end", () => resolve(`${method} ${answer.statusCode}`));
        answer.once("error", (error) => resolve(`${method} cut: ${error.message}`));
      });
      asked.once("error", (error) => resolve(`${method} lost: ${error.message}`));
      asked.end(isRead ? undefined : BODY);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

test("five restarts of the edge under 60 requests a second on 64 connections that are kept lose nothing", async () => {
  const clients = Array.from({ length: CONNECTIONS }, () => new Client());
  const outcomes: Promise<string>[] = [];
  const pids = new Set<number | undefined>([shop.process("edge").pid]);
  const restarting = (async () => {
    for (let count = 0; count < RESTARTS; count += 1) {
      await sleep(1_500);
      await shop.restart("edge");
      pids.add(shop.process("edge").pid);
    }
    await sleep(1_500);
  })();
  let isOver = false;
  void restarting.finally(() => {
    isOver = true;
  });
  const ask = (number: number) => clients[number % CONNECTIONS]?.ask(number % 4 > 0) ?? Promise.resolve("no client");
  const began = performance.now();
  while (!isOver) {
    const due = ((performance.now() - began) / 1_000) * PER_SECOND;
    while (outcomes.length < due) outcomes.push(ask(outcomes.length));
    await sleep(5);
  }
  await restarting;
  const counts = Map.groupBy(await Promise.all(outcomes), (outcome) => outcome);
  for (const client of clients) client.close();
  assert.equal(pids.size, RESTARTS + 1, "each time by another process");
  assert.ok(outcomes.length > 10 * PER_SECOND);
  assert.deepEqual(
    [...counts.keys()].toSorted(),
    ["GET 200", "POST 200"],
    JSON.stringify([...counts].map(([outcome, all]) => [outcome, all.length])),
  );
});
