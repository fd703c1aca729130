/** What a campaign does and when, drawn from its seed: who orders what, and what breaks. Does nothing itself. */

import { SeededRandom } from "@row/load/seeded-random.ts";
import { DEMO_PRODUCTS } from "./demo-shelf.ts";
import type { Wish } from "./shopper.ts";

export interface PlannedOrder {
  /** Milliseconds from the start of the round. */
  readonly atMs: number;
  readonly wish: Wish;
  readonly requestId: string;
  /** How often the same request is sent at once. */
  readonly times: number;
  /** Milliseconds after it was accepted; undefined for a customer who stays with it. */
  readonly cancelAfterMs: number | undefined;
}

export type Fault =
  | { readonly atMs: number; readonly kind: "kill"; readonly process: string }
  /** Kills whoever holds the relay of that service's outbox. */
  | { readonly atMs: number; readonly kind: "kill-relay"; readonly process: string }
  | { readonly atMs: number; readonly kind: "freeze" | "take-down"; readonly process: string; readonly forMs: number }
  /** Stops in order, with everything on disk; or at once, forgetting what was not. */
  | { readonly atMs: number; readonly kind: "restart" | "crash"; readonly process: "postgres" };

export interface Round {
  readonly orders: readonly PlannedOrder[];
  /** In order of time. */
  readonly faults: readonly Fault[];
}

export interface CampaignShape {
  readonly seed: number;
  /** Orders that are placed at once. */
  readonly orders: number;
  readonly rounds: number;
  /** How often that happens in a round, with faults around each. */
  readonly bursts: number;
}

export const BURST_MS = 12_000;
const NATS_AWAY_MS = 10_000;
/** Longer than a saga's lease: what it then wants to write, somebody else may have written. */
const ORDERS_FROZEN_MS = 10_000;

const TOKENS = [
  ...Array.from({ length: 10 }, () => "tok_ok"),
  ...Array.from({ length: 3 }, () => "tok_declined"),
  ...Array.from({ length: 2 }, () => "tok_insufficient_funds"),
  ...Array.from({ length: 2 }, () => "tok_timeout"),
  ...Array.from({ length: 3 }, () => "tok_flaky"),
] as [string, ...string[]];

const VICTIMS = ["orders", "inventory", "payments", "card-gateway"] as const;

export function planCampaign({ seed, orders, rounds, bursts }: CampaignShape): Round[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: rounds }, () => ({
    orders: Array.from({ length: bursts }, (_, burst) => burst * BURST_MS).flatMap((startMs) =>
      Array.from({ length: orders }, () => planOrder(random, startMs)),
    ),
    faults: planFaults(random, bursts),
  }));
}

function planOrder(random: SeededRandom, startMs: number): PlannedOrder {
  const products = new Set(Array.from({ length: random.between(1, 3) }, () => anyProduct(random)));
  return {
    atMs: startMs + random.between(0, 2_500),
    wish: {
      items: [...products].map((productId) => ({ productId, quantity: random.between(1, 3) })),
      paymentToken: random.pick(TOKENS),
    },
    requestId: random.uuid(),
    times: random.chance(0.25) ? random.between(2, 3) : 1,
    cancelAfterMs: random.chance(0.15) ? random.between(0, 4_000) : undefined,
  };
}

/** Mostly what there is plenty of, so that most orders can be filled. */
function anyProduct(random: SeededRandom): string {
  const count = random.chance(0.9) ? Math.ceil(DEMO_PRODUCTS.length / 2) : DEMO_PRODUCTS.length;
  return DEMO_PRODUCTS[random.between(0, count - 1)]?.id ?? "";
}

function planFaults(random: SeededRandom, bursts: number): Fault[] {
  const soonAfterABurst = () => random.between(0, bursts - 1) * BURST_MS + random.between(150, 4_000);
  const kills = Array.from({ length: bursts }, () =>
    VICTIMS.map((process): Fault => ({ atMs: soonAfterABurst(), kind: "kill", process })),
  ).flat();
  // Not before there is something to lose.
  const natsAwayMs = soonAfterABurst() + 1_000;
  const others: Fault[] = [
    { atMs: natsAwayMs, kind: random.pick(["freeze", "take-down"]), process: "nats", forMs: NATS_AWAY_MS },
    // When NATS is back, the relays are busy with what has piled up.
    {
      atMs: natsAwayMs + NATS_AWAY_MS + random.between(0, 500),
      kind: "kill-relay",
      process: random.pick(["orders", "inventory", "payments"]),
    },
    { atMs: soonAfterABurst(), kind: "restart", process: "postgres" },
    { atMs: soonAfterABurst(), kind: "crash", process: "postgres" },
    { atMs: soonAfterABurst(), kind: "freeze", process: "orders", forMs: ORDERS_FROZEN_MS },
  ];
  return [...kills, ...others].sort((a, b) => a.atMs - b.atMs);
}
