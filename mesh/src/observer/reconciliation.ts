/**
 * Compares the lines that arrived from one sidecar with the answers that its HAProxy counted, so that lost lines show.
 *
 * Some lines are always on their way: the loss is the highest difference seen, which an instant of rest makes exact. A
 * new worker counts from zero and the old one finishes unseen, so what is lost around a reload is not noticed.
 */
export class Reconciliation {
  lost = 0;
  #pid: number | undefined;
  /** Lines minus answers where counting began. */
  #offset = 0;
  #settling = 0;

  /**
   * `lines`: received from this sidecar until a moment after the answers were read. `isWhole`: whether all lines of
   * this worker were listened to, from its first.
   */
  compare(pid: number, responses: number, lines: number, isWhole: boolean): void {
    if (pid !== this.#pid) {
      const isFirst = this.#pid === undefined;
      this.#pid = pid;
      this.#settling = isFirst ? 0 : SETTLING;
      if (isFirst && isWhole) this.#offset = 0;
      else this.#rebase(responses, lines);
    } else if (this.#settling > 0) {
      this.#settling -= 1;
      this.#rebase(responses, lines);
    }
    this.lost = Math.max(this.lost, responses + this.#offset - lines);
  }

  #rebase(responses: number, lines: number): void {
    this.#offset = lines + this.lost - responses;
  }
}

/** How many comparisons after a reload the old worker may still be sending lines. */
const SETTLING = 1;
