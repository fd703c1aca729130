import type { FileRegistry } from "@bufbuild/protobuf";
import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";

// Every name on the bus follows from the contracts: the subject is the event's full name, the stream its domain.
// Nothing here connects to anything; `row`, the manifests and the services all take their names from this file.

/** The stream of events that no try could handle. */
export const DEAD_LETTERS = "DEAD_LETTERS";

/** An event that some domain publishes. */
export type DomainEvent = { name: string; domain: string; stream: string };

/** Names the domain of an event: "orders" for "shop.orders.v1.OrderPlaced". */
export function domainOf(eventName: string): string {
  const domain = eventName.split(".").at(-3);
  if (!domain) throw new Error(`Not the full name of an event: "${eventName}"`);
  return domain;
}

/** Names the stream an event is kept in: "ORDERS" for "shop.orders.v1.OrderPlaced". */
export function streamOf(eventName: string): string {
  return domainOf(eventName).toUpperCase();
}

/** Names the durable consumer through which a service reads an event. */
export function durableOf(service: string, eventName: string): string {
  return `${service}_${eventName.replaceAll(".", "_")}`;
}

/**
 * Names the scope within which a service takes what happens to a domain's aggregates: one for all event types, since an aggregate's
 * sequence runs over all of them. "catalog/inventory" for catalog and "shop.inventory.v1.StockLevelChanged".
 */
export function orderingScopeOf(service: string, eventName: string): string {
  return `${service}/${domainOf(eventName)}`;
}

/** Names the subject under which a service puts aside an event it cannot handle. */
export function deadSubject(service: string, eventName: string): string {
  return `dead.${service}.${eventName}`;
}

/** Lists every event of the contracts: the top-level messages of each shop/<domain>/v<n>/<domain>_events.proto. */
export function eventsIn(registry: FileRegistry): DomainEvent[] {
  const events: DomainEvent[] = [];
  for (const file of registry.files) {
    if (!/^shop\/(\w+)\/v\d+\/\1_events$/.test(file.name)) continue;
    for (const message of file.messages) {
      events.push({ name: message.typeName, domain: domainOf(message.typeName), stream: streamOf(message.typeName) });
    }
  }
  return events.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * How long a stream keeps an event: for longer than an outbox, from which it can be published again for a week, and for less than
 * the two weeks for which a consumer's inbox knows it. So a consumer that is made again, and gets all of it, applies nothing twice.
 */
export const EVENTS_KEPT_SECONDS = 8 * 24 * 3_600;

/** More than anybody looks through. Beyond it an event that nobody can handle is not put aside but comes again and again. */
export const MOST_DEAD_LETTERS = 100_000;

/** The streams to create: one for each domain that publishes, with all versions of its events. */
export function streamConfigs(registry: FileRegistry): (Partial<StreamConfig> & { name: string })[] {
  const subjects = new Map<string, Set<string>>();
  for (const event of eventsIn(registry)) {
    const versions = subjects.get(event.stream) ?? new Set();
    versions.add(`${event.name.slice(0, event.name.lastIndexOf("."))}.>`);
    subjects.set(event.stream, versions);
  }
  return [...subjects].map(([name, versions]) => ({
    name,
    subjects: [...versions],
    storage: "file",
    max_age: nanoseconds(EVENTS_KEPT_SECONDS),
    duplicate_window: nanoseconds(120),
  }));
}

/** The stream of dead letters to create. */
export function deadLetterStreamConfig(): Partial<StreamConfig> & { name: string } {
  return {
    name: DEAD_LETTERS,
    subjects: ["dead.>"],
    storage: "file",
    max_msgs: MOST_DEAD_LETTERS,
    discard: "new",
    duplicate_window: nanoseconds(120),
  };
}

/**
 * How long the server waits for a word on a message, in seconds: what a killed process had in hand comes again after that. One
 * that lives says in time that it is still at work.
 */
export const ACK_WAIT_SECONDS = 10;

/** The durable consumer to create for a service and an event. The service counts the tries, so the server does not. */
export function consumerConfig(service: string, eventName: string): Partial<ConsumerConfig> & { durable_name: string } {
  return {
    durable_name: durableOf(service, eventName),
    filter_subject: eventName,
    ack_policy: "explicit",
    deliver_policy: "all",
    ack_wait: nanoseconds(ACK_WAIT_SECONDS),
    max_deliver: -1,
    max_ack_pending: 256,
  };
}

/** What a service's own NATS user may do: publish its own events, read its own consumers, put aside what it cannot handle. */
export function natsPermissions(user: { service: string; consumes: readonly string[] }) {
  const durables = user.consumes.map((name) => ({ stream: streamOf(name), durable: durableOf(user.service, name) }));
  return {
    publish: {
      allow: [
        `shop.${user.service}.>`,
        `dead.${user.service}.>`,
        ...durables.flatMap(({ stream, durable }) => [
          `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
          `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
          `$JS.ACK.${stream}.${durable}.>`,
        ]),
      ],
    },
    subscribe: { allow: [`${inboxPrefix(user.service)}.>`] },
  };
}

/** The prefix of the subjects on which a NATS user gets its answers. */
export function inboxPrefix(user: string): string {
  return `_INBOX_${user}`;
}

function nanoseconds(seconds: number): number {
  return seconds * 1e9;
}
