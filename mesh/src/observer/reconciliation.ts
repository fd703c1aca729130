/**
 * Compares the lines that arrived from one sidecar with the answers that its HAProxy counted, so that lost lines show.
 *
 * Some lines are always on their way, and more when this process had to wait: the loss is the highest difference that
 * was seen twice in a row, which an instant of rest makes exact. A new worker counts from zero and the old one finishes
 * unseen, so what is lost around a reload is not noticed.
 */
export class Reconciliation {
  lost = 0;
  /** Whether lines seem to be lost, which the next look decides. */
  isSuspicious = false;
  #before = 0;
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
    const missing = responses + this.#offset - lines;
    this.lost = Math.max(this.lost, Math.min(missing, this.#before));
    this.isSuspicious = missing > this.lost;
    this.#before = missing;
  }

  #rebase(responses: number, lines: number): void {
    this.#offset = lines + this.lost - responses;
    this.#before = this.lost;
  }
}

/** How many comparisons after a reload the old worker may still be sending lines. */
const SETTLING = 1;
