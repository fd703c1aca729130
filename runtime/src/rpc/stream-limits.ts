/** How many streams may be open: streams stay for long, so they have a bound of their own and each end user a share of it. */
import { DomainError } from "../domain-error.ts";
import { Semaphore } from "../semaphore.ts";

interface Bounds {
  readonly total: number;
  readonly perUser: number;
}

/** The permit of one open stream. */
export interface StreamPermit {
  /** Counts the stream among those of this end user. Throws a DomainError "exhausted" when they have their share. */
  takeFor(userId: string): void;
  /** May be called again. */
  leave(): void;
}

export class StreamLimits {
  readonly #bounds: Bounds;
  readonly #ofUsers = new Map<string, number>();
  readonly #permits: Semaphore;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#permits = new Semaphore(bounds.total);
  }

  /** Throws a DomainError "exhausted" when all are taken. */
  take(): StreamPermit {
    const permit = this.#permits.tryAcquire();
    if (!permit) {
      throw new DomainError("exhausted", "TOO_MANY_CALLS", "Cannot open another stream now: try again in a moment");
    }
    let isOpen = true;
    let user: string | undefined;
    return {
      takeFor: (userId) => {
        if (!isOpen) return; // whoever opened it went away before it was known who that is
        this.#count(userId);
        user = userId;
      },
      leave: () => {
        if (!isOpen) return;
        isOpen = false;
        permit.release();
        if (user !== undefined) this.#forget(user);
      },
    };
  }

  #count(userId: string): void {
    const { perUser } = this.#bounds;
    const open = this.#ofUsers.get(userId) ?? 0;
    if (open >= perUser) {
      throw new DomainError(
        "exhausted",
        "TOO_MANY_CALLS",
        `Cannot open another stream: ${perUser} of yours are open, close one first`,
        { facts: { open_streams: String(open) } },
      );
    }
    this.#ofUsers.set(userId, open + 1);
  }

  #forget(userId: string): void {
    const open = this.#ofUsers.get(userId) ?? 0;
    if (open > 1) this.#ofUsers.set(userId, open - 1);
    else this.#ofUsers.delete(userId);
  }
}
