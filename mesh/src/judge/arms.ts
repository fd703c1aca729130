/** Numbers for each of the three versions that share the traffic: requests, or weights. Pure: it only computes. */

export const ARMS = ["stable", "baseline", "canary"] as const;
export type Arm = (typeof ARMS)[number];
export type ByArm = Readonly<Record<Arm, number>>;

export const NO_REQUESTS: ByArm = { stable: 0, baseline: 0, canary: 0 };

export function added(one: ByArm, other: ByArm): ByArm {
  return {
    stable: one.stable + other.stable,
    baseline: one.baseline + other.baseline,
    canary: one.canary + other.canary,
  };
}

export function total({ stable, baseline, canary }: ByArm): number {
  return stable + baseline + canary;
}

/** "80/10/10" */
export function inOrder({ stable, baseline, canary }: ByArm): string {
  return `${stable}/${baseline}/${canary}`;
}
