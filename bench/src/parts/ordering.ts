import { type Bench, GENERATOR, onShop, onTutorial } from "../bench.ts";
import { placeOrders } from "../job.ts";
import { type Ratio, ratioOf } from "../measure/ratio.ts";
import { type Summary, summarise } from "../measure/round.ts";
import { takeTurns } from "./take-turns.ts";

export interface Ordering {
  tutorial: Summary;
  /** POST /v1/orders has answered; what follows is still to be done. */
  accepted: Summary;
  /** The order is CONFIRMED: stock reserved, card charged, stock committed. */
  confirmed: Summary;
  acceptedRatio: Ratio;
  confirmedRatio: Ratio;
  /** From the end of each load on acceptance until no order is left unfinished and no event unpublished. */
  drainSeconds: number[];
}

const DRAIN_WITHIN_SECONDS = 120;

/** Placing an order through each stack. The tutorial's is done when it answers. */
export async function measureOrdering(bench: Bench): Promise<Ordering> {
  const { plan, shop, tutorial } = bench;
  const confirmIn = shop.adminUrl("orders");
  const drainSeconds: number[] = [];

  const onTutorialStack = async (seconds = plan.roundSeconds) =>
    onTutorial(bench, { requests: placeOrders(await tutorial.signIn()), seconds });
  const accepted = async (seconds = plan.roundSeconds) => {
    const round = await onShop(bench, { requests: placeOrders(await shop.signIn()), seconds });
    drainSeconds.push(await shop.drain(DRAIN_WITHIN_SECONDS));
    return round;
  };
  const confirmed = async (seconds = plan.roundSeconds) => {
    const connections = plan.ordersUnderWay;
    const round = await onShop(bench, { requests: placeOrders(await shop.signIn()), seconds, connections, confirmIn });
    await shop.drain(DRAIN_WITHIN_SECONDS);
    return round;
  };

  for (const warmUp of [onTutorialStack, confirmed]) await warmUp(plan.warmUpSeconds);
  const rounds = await takeTurns(plan.rounds, { tutorial: () => onTutorialStack(), accepted, confirmed });
  const summaries = {
    tutorial: summarise(rounds.tutorial, GENERATOR),
    accepted: summarise(rounds.accepted, GENERATOR),
    confirmed: summarise(rounds.confirmed, GENERATOR),
  };
  return {
    ...summaries,
    acceptedRatio: ratioOf(summaries.accepted.rounds, summaries.tutorial.rounds),
    confirmedRatio: ratioOf(summaries.confirmed.rounds, summaries.tutorial.rounds),
    drainSeconds,
  };
}
