/** What a look at one thing found, and what to do about it. */
export interface Finding {
  /** What was looked at: "ports", "haproxy". */
  readonly subject: string;
  /** A warning is worth knowing; what is bad keeps a shop from starting or from doing its work. */
  readonly outcome: "good" | "warning" | "bad";
  readonly says: string;
  /** What to do; absent where all is well. */
  readonly advice?: string;
}

export function good(subject: string, says: string): Finding {
  return { subject, outcome: "good", says };
}

export function warning(subject: string, says: string, advice: string): Finding {
  return { subject, outcome: "warning", says, advice };
}

export function bad(subject: string, says: string, advice: string): Finding {
  return { subject, outcome: "bad", says, advice };
}
