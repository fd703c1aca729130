/** Optimistic writes: read, decide, write if nothing has changed meanwhile, else decide anew. */
import { DomainError } from "./domain-error.ts";

/**
 * Runs `attempt` until it answers something: undefined says that what it read was changed before it wrote. `what` completes
 * "Cannot …" in the error of who is overtaken each time.
 */
export async function retryOnConflict<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  { tries = 5 }: { tries?: number } = {},
): Promise<T> {
  for (let made = 0; made < tries; made += 1) {
    const done = await attempt();
    if (done !== undefined) return done;
  }
  throw new DomainError("aborted", "CONFLICT", `Cannot ${what} just now: it keeps changing; try again`);
}
