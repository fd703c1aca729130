const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What Linkerd takes as a duration, for messages. */
export const WANTED_DURATION = "a whole number and one unit of ms, s, m, h or d, such as 1500ms";

/** Milliseconds of a duration in Linkerd's annotations, "1500ms"; undefined for what Linkerd refuses: "0.5s", "1m30s", "5". */
export function durationMs(text: string): number | undefined {
  if (text === "0") return 0;
  const [, count, unit = ""] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  const scale = UNIT_MS[unit];
  if (count === undefined || scale === undefined) return undefined;
  const milliseconds = Number(count) * scale;
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined;
}
