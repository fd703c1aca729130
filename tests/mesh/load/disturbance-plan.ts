/** What is done to the shop and when, drawn from a seed. Does nothing itself. */
import { SeededRandom } from "@row/load/seeded-random.ts";

export type Disturbance =
  /** An instance's app, or its sidecar, dies of SIGKILL and is started again by the shop. */
  | { readonly atMs: number; readonly kind: "kill"; readonly service: string; readonly process: string }
  /** The service's first version is scaled to one replica, and to two again. */
  | { readonly atMs: number; readonly kind: "drain" | "return"; readonly service: string };

export interface DisturbancePlan {
  /** In order of time. */
  readonly disturbances: readonly Disturbance[];
  /** Weights of catalog's v1 and v2, one pair a second. */
  readonly weights: readonly (readonly [number, number])[];
}

export interface CampaignShape {
  readonly seed: number;
  readonly seconds: number;
  readonly services: readonly string[];
  /** How many of the services lose an app; all when absent. A sidecar is killed besides. */
  readonly kills?: number;
}

/** Time for what was killed to come back before the next goes. */
const KILL_EVERY_MS = 7_000;
const FIRST_MS = 2_000;
const AWAY_MS = 4_000;

export function planDisturbances({ seed, seconds, services, kills = services.length }: CampaignShape): DisturbancePlan {
  const random = new SeededRandom(seed);
  const victims = shuffled(services, random);
  const replica = (service: string) => `${service}-v1-${random.between(1, 2)}`;
  const room = Math.min(KILL_EVERY_MS, ((seconds - 7) * 1_000) / (kills + 1));
  const atMs = (slot: number) => Math.round(FIRST_MS + slot * room + random.between(0, 500));
  const apps = victims.slice(0, kills).map((service, slot): Disturbance => {
    return { atMs: atMs(slot), kind: "kill", service, process: replica(service) };
  });
  const [service = ""] = shuffled(services, random);
  const sidecar: Disturbance = { atMs: atMs(kills), kind: "kill", service, process: `${replica(service)}-sidecar` };
  const drained = random.pick(["orders", "inventory", "catalog"]);
  const drainMs = Math.round(FIRST_MS + (kills + 1) * room);
  return {
    disturbances: [
      ...apps,
      sidecar,
      { atMs: drainMs, kind: "drain", service: drained },
      { atMs: drainMs + AWAY_MS, kind: "return", service: drained },
    ],
    weights: Array.from({ length: seconds }, () => [random.between(0, 100), random.between(1, 100)] as const),
  };
}

function shuffled(list: readonly string[], random: SeededRandom): string[] {
  return list
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
