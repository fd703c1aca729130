/** Wakes the one loop that sleeps on it; a signal that finds it awake is kept for its next sleep. */
export class WakeSignal {
  #signalled = false;
  #wake: (() => void) | undefined;

  wake(): void {
    this.#signalled = true;
    this.#wake?.();
  }

  /** Sleeps until the signal comes, at most this long. */
  async sleep(milliseconds: number): Promise<void> {
    if (!this.#signalled) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#signalled = false;
  }
}
