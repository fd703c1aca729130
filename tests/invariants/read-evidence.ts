/** Gathers the evidence of a running shop from its databases, its streams and the card gateway's own log. */
import type { Shop } from "@row/laptop/shop/shop.ts";
import type { Evidence, GatewayEntry } from "./evidence.ts";
import { readCatalog, readEventTables, readInventory, readOrders } from "./read-databases.ts";
import { readPayments } from "./read-payments.ts";
import { readStreams } from "./read-streams.ts";

/** `accepted`: the orders that somebody was told were accepted, when a list was kept. */
export async function readEvidence(shop: Shop, accepted?: readonly string[]): Promise<Evidence> {
  const withDatabase = shop.services.filter(({ postgres }) => postgres);
  const [orders, inventory, catalog, payments, gateway, streams, tables] = await Promise.all([
    readOrders(shop),
    readInventory(shop),
    readCatalog(shop),
    readPayments(shop),
    readGateway(shop),
    readStreams(shop),
    Promise.all(withDatabase.map(({ name, consumes }) => readEventTables(shop, name, consumes))),
  ]);
  const progress = new Map(streams.consumers.map((consumer) => [`${consumer.service} ${consumer.event}`, consumer]));
  return {
    accepted,
    ...orders,
    ...inventory,
    ...catalog,
    ...payments,
    gateway,
    outbox: tables.flatMap(({ outbox }) => outbox),
    stored: streams.stored,
    consumers: tables
      .flatMap(({ consumers }) => consumers)
      .map((consumer) => {
        const { pending = 0, unacknowledged = 0 } = progress.get(`${consumer.service} ${consumer.event}`) ?? {};
        return { ...consumer, pending, unacknowledged };
      }),
    deadLetters: streams.deadLetters.map(({ headers, subject, id }) => ({
      service: headers.get("x-dead-consumer") ?? "",
      subject,
      eventId: id,
    })),
  };
}

async function readGateway(shop: Shop): Promise<GatewayEntry[]> {
  const { address } = shop.process("card-gateway");
  const response = await fetch(`http://${address}/v1/log`);
  if (!response.ok) throw new Error(`Cannot read the gateway's log: ${response.status}`);
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}
