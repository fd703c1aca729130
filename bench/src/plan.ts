/** How much is measured: everything for minutes, or a little of everything, to see that it works. */
export interface Plan {
  /** Whether the figures are worth keeping. */
  isFull: boolean;
  /** How often each contender has its turn. */
  rounds: number;
  warmUpSeconds: number;
  roundSeconds: number;
  /** Requests under way at once. */
  connections: number;
  /** Orders under way at once that are waited for until they are CONFIRMED. */
  ordersUnderWay: number;
  eventSeconds: number;
  /** How long after the start memory is looked at. */
  settleSeconds: number;
  /** Most time the whole may take. */
  limitSeconds: number;
}

export const FULL: Plan = {
  isFull: true,
  rounds: 5,
  warmUpSeconds: 8,
  roundSeconds: 6,
  connections: 32,
  ordersUnderWay: 64,
  eventSeconds: 10,
  settleSeconds: 30,
  limitSeconds: 1_200,
};

export const QUICK: Plan = {
  isFull: false,
  rounds: 1,
  warmUpSeconds: 0.5,
  roundSeconds: 1.5,
  connections: 4,
  ordersUnderWay: 4,
  eventSeconds: 2,
  settleSeconds: 0,
  limitSeconds: 120,
};

/** How much another commit is compared with. */
export const VERSUS = {
  rounds: 12,
  warmUpSeconds: 6,
  roundSeconds: 4,
  connections: 32,
  settleSeconds: 15,
  mesh: false,
  limitSeconds: 1_200,
};
