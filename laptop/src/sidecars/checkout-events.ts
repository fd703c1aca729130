import { eventsIn, streamConfigs } from "@row/runtime/events/stream-names.ts";
import { makeConsumers } from "@row/runtime/events/streams.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import { connectAsAdmin } from "../provision/streams.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { laptopNatsConfiguration, natsConfigurationFile } from "../stores/nats-configuration.ts";
import { reconfigureNats } from "../stores/nats-reload.ts";
import type { Instances } from "./instances.ts";

/** Refuses code of another checkout that lists events which cannot reach it here: its subscription would fail for ever. */
export function checkEvents({ name, consumes }: ServiceManifest, checkout: string, root: string): void {
  if (consumes.length === 0) return;
  const declared = new Set(eventsIn(loadContracts(checkout)).map((event) => event.name));
  const kept = streamConfigs(loadContracts(root)).flatMap(({ subjects = [] }) => subjects);
  const isKept = (event: string) => kept.some((subject) => event.startsWith(subject.slice(0, -">".length)));
  const refuse = (events: string[], why: string) => {
    if (events.length === 0) return;
    throw new RowError(
      `Cannot run ${name} from ${checkout}: it lists ${events.join(", ")} under "consumes", but ${why}`,
    );
  };
  refuse(
    consumes.filter((event) => !declared.has(event)),
    "no contract there declares that",
  );
  refuse(
    consumes.filter((event) => !isKept(event)),
    `no stream of this shop keeps that, they keep ${kept.join(", ")}`,
  );
}

/** The services, each with what its code and its versions from other checkouts consume. */
export function listenersIn(services: readonly ServiceManifest[], members: Instances | undefined): ServiceManifest[] {
  return services.map((service) => {
    const running = members?.of(service.name).flatMap(({ instance }) => instance.service.consumes) ?? [];
    return { ...service, consumes: [...new Set([...service.consumes, ...running])] };
  });
}

/**
 * Lets services read what their versions from other checkouts consume besides the shop's own code: makes the consumers, and gives
 * each service's user the right to its own. A right that no instance needs any more is taken back.
 */
export async function provideEvents(
  { services, ports, secrets, installation, processes }: Infrastructure,
  members: Instances,
): Promise<void> {
  const nats = processes.find(({ spec }) => spec.name === "nats");
  if (!nats) throw new Error("There is no NATS");
  const listeners = listenersIn(services, members);
  const changed = listeners.filter(({ consumes }, index) => consumes.length !== services[index]?.consumes.length);
  if (changed.length > 0) {
    const connection = await connectAsAdmin(ports.nats, secrets);
    await makeConsumers(connection, changed).finally(() => connection.close());
  }
  const { stateDir } = installation;
  await reconfigureNats(
    nats,
    natsConfigurationFile(stateDir),
    laptopNatsConfiguration(ports, stateDir, secrets, listeners),
  );
}
