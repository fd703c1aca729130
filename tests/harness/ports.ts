// Ports that nobody else takes for as long as this process lives, whatever else is tested on this machine: the kernel decides, by
// who listens on the first port of a range. All lie below those that outgoing connections get.
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { installationAt } from "@row/laptop/installation.ts";
import { canListen, namedStorePorts, servicePorts } from "@row/laptop/stores/ports.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";

/** How many ports a shop spreads over, and some more. */
const RANGE = 3_200;
/** Linux takes the ports of outgoing connections from 32768 on; a shop on the default ports is left alone. */
const FIRST_PORTS = [...Array.from({ length: 7 }, (_, index) => 8_300 + index * RANGE), 1_600];
/** What no shop uses of its range. */
const SINGLE = { first: 600, last: 999 };
const PATIENCE_MS = 120_000;

interface Range {
  readonly first: number;
  hasShop: boolean;
  nextSingle: number;
}

const ranges: Range[] = [];
let taking: Promise<unknown> = Promise.resolve();

/** A port base for a shop. Each call answers another. */
export function portBase(): Promise<number> {
  return inTurn(async () => {
    const range = ranges.find(({ hasShop }) => !hasShop) ?? (await anotherRange());
    range.hasShop = true;
    return range.first;
  });
}

/** A port for one server. Each call answers another. */
export function freePort(): Promise<number> {
  return inTurn(async () => {
    for (;;) {
      const range = ranges.find(({ nextSingle }) => nextSingle <= SINGLE.last) ?? (await anotherRange());
      const port = range.first + range.nextSingle++;
      if (await canListen(port)) return port;
    }
  });
}

function inTurn<T>(take: () => Promise<T>): Promise<T> {
  const taken = taking.then(take);
  taking = taken.catch(() => {});
  return taken;
}

async function anotherRange(): Promise<Range> {
  const end = Date.now() + PATIENCE_MS;
  do {
    for (const first of FIRST_PORTS) {
      const lock = await listen(first);
      if (!lock) continue;
      if (await isUsable(first)) {
        lock.unref(); // it listens until the process ends, and does not keep it from ending
        const range = { first, hasShop: false, nextSingle: SINGLE.first };
        ranges.push(range);
        return range;
      }
      lock.close();
    }
    await sleep(500);
  } while (Date.now() < end);
  throw new Error("Cannot test: other test runs on this machine use every range of ports; wait until one has ended");
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  });
}

/** Whether nobody who knows nothing of ranges has a port of this one. */
async function isUsable(first: number): Promise<boolean> {
  const installation = installationAt({ portBase: first });
  const services = discoverServices(installation.root);
  // A project of a test's own may have services that keep something in Redis.
  const everyStore = namedStorePorts(installation, [{ redis: ["durable", "cache"] }]);
  const ports = [...servicePorts(installation, services).keys(), ...everyStore.keys()];
  return (await Promise.all(ports.map(canListen))).every(Boolean);
}
