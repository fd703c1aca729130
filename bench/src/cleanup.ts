/** What has been started and must end with the run, newest first, whether the run ends well or not. */
export class Cleanup {
  readonly #closers: (() => Promise<void>)[] = [];

  /** Passes on what is being started, and remembers to close it; also when the run ends before it has started. */
  keep<T>(starting: Promise<T>, close: (started: T) => Promise<void>): Promise<T> {
    // What could not be started has cleaned up after itself.
    this.#closers.push(() => starting.then(close, () => {}));
    return starting;
  }

  async run(): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
  }
}
