/** Attacks a shop in many ways at once while people look around in it, then judges what they saw and what is left. */
import { loadJobOf } from "@row/laptop/shop/load-job.ts";
import type { Shop } from "@row/laptop/shop/shop.ts";
import type { LoadSummary } from "@row/load/load-counts.ts";
import { runLoad } from "@row/load/run-load.ts";
import { SeededRandom } from "@row/load/seeded-random.ts";
import { TheShop } from "../harness/the-shop.ts";
import { violationsIn } from "../invariants/invariants.ts";
import { readEvidence } from "../invariants/read-evidence.ts";
import { settle } from "../invariants/settle.ts";
import { AccessAttacks } from "./access-attacks.ts";
import { refusedBody } from "./body-attacks.ts";
import { HeldConnections, ITS_SHARE } from "./held-connections.ts";
import { cancelTwice, foreign, otherBody, ownPrice, sameRequest } from "./money-attacks.ts";
import { type Attack, prepare, type Setting } from "./setting.ts";

export interface AttackShape {
  readonly seed: number;
  readonly attacks: number;
}

export interface AttackResult {
  /** By kind of attack, how many there were. */
  readonly attacks: Readonly<Record<string, number>>;
  readonly orders: number;
  readonly connections: Pick<HeldConnections, "opened" | "most">;
  /** What people who looked around meanwhile were answered. */
  readonly people: Pick<LoadSummary, "requests" | "failed" | "statuses" | "p50" | "p99" | "longest">;
  /** What should not be; the shop held when there is nothing. */
  readonly problems: readonly string[];
}

/** So many go on at once. */
const ATTACKERS = 4;
const PEOPLE_PER_SECOND = 5;
const SETTLE_MS = 90_000;
const WARM_UP_SECONDS = 5;
const LONGEST_SECONDS = 3_600;

export async function runCampaign(shop: Shop, shape: AttackShape): Promise<AttackResult> {
  const seen = await TheShop.at(shop.installation);
  const setting = await prepare(seen);
  const edge = seen.address("edge", "http");
  const connections = new HeldConnections(Number(edge.split(":")[1]));
  const look = { mix: "read", rate: PEOPLE_PER_SECOND, spacing: "poisson", seed: shape.seed, connections: 8 } as const;
  const jobOf = (seconds: number) => loadJobOf({ ...look, seconds }, edge, shop.infrastructure.secrets);
  // What a shop does for the first time takes longer, whoever attacks it.
  await runLoad(jobOf(WARM_UP_SECONDS));

  const isOver = new AbortController();
  const unanswered: string[] = [];
  const holding = connections.hold(isOver.signal);
  const people = runLoad(jobOf(LONGEST_SECONDS), {
    signal: isOver.signal,
    onSecond: ({ second, failed, statuses }) => {
      if (failed > 0) unanswered.push(`in second ${second}, people who looked around got ${JSON.stringify(statuses)}`);
    },
  });
  const { attacks, problems } = await attack(setting, shape).finally(() => isOver.abort());
  const { requests, failed, statuses, p50, p99, longest } = await people;
  await holding;

  const left = await settle(shop, SETTLE_MS);
  const violations = violationsIn(await readEvidence(shop, setting.accepted));
  const { opened, most } = connections;
  return {
    attacks,
    orders: setting.accepted.length,
    connections: { opened, most },
    people: { requests, failed, statuses, p50, p99, longest },
    problems: [
      ...problems,
      ...unanswered,
      ...(requests === 0 ? ["nobody looked around meanwhile"] : []),
      ...(most > ITS_SHARE ? [`one client held ${most} connections at once`] : []),
      ...(left.sagas + left.outbox + left.deliveries > 0 ? [`work was left: ${JSON.stringify(left)}`] : []),
      ...violations.map(({ invariant, detail }) => `${invariant}: ${detail}`),
    ],
  };
}

async function attack(
  setting: Setting,
  { seed, attacks }: AttackShape,
): Promise<Pick<AttackResult, "attacks" | "problems">> {
  const access = new AccessAttacks(setting.shop);
  const kinds: readonly [name: string, share: number, attack: Attack][] = [
    ["a call by an end user", 45, access.byEndUser],
    ["a call by a service", 25, access.byService],
    ["a refused body", 12, refusedBody],
    ["a price of one's own", 6, ownPrice],
    ["what is somebody else's", 6, foreign],
    ["one request several times", 3, sameRequest],
    ["another body under one id", 2, otherBody],
    ["a double cancellation", 1, cancelTwice],
  ];
  const drawn = kinds.flatMap(([name, share, attack]) => Array.from({ length: share }, () => ({ name, attack })));
  const problems: string[] = [];
  const counts: Record<string, number> = {};
  let next = 0;
  const attacker = async () => {
    while (next < attacks) {
      const number = next++;
      // Each attack has numbers of its own: who comes first changes nothing of what it does.
      const random = new SeededRandom(seed * 1_000_003 + number);
      const { name, attack } = drawn[random.between(0, drawn.length - 1)] ?? { name: "", attack: access.byEndUser };
      counts[name] = (counts[name] ?? 0) + 1;
      const found = await attack(setting, random).catch((error: Error) => [`${name} ended with ${error.message}`]);
      problems.push(...found.map((problem) => `attack ${number}: ${problem}`));
    }
  };
  await Promise.all(Array.from({ length: ATTACKERS }, attacker)).finally(() => access.close());
  return { attacks: counts, problems };
}
