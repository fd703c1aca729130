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

  /** `isWhole`: whether all lines of this worker were listened to, from its first. */
  compare({ pid, responses, linesBefore, linesAfter }: Look, isWhole: boolean): void {
    if (pid !== this.#pid) {
      const isFirst = this.#pid === undefined;
      this.#pid = pid;
      this.#settling = isFirst ? 0 : SETTLING;
      if (isFirst && isWhole) this.#offset = 0;
      else this.#rebase(responses, linesBefore);
    } else if (this.#settling > 0) {
      this.#settling -= 1;
      this.#rebase(responses, linesBefore);
    }
    const missing = responses + this.#offset - linesAfter;
    this.lost = Math.max(this.lost, Math.min(missing, this.#before));
    this.isSuspicious = missing > this.lost;
    this.#before = missing;
  }

  /** From the lines before, so that none that came while looking is missed afterwards. */
  #rebase(responses: number, linesBefore: number): void {
    this.#offset = linesBefore + this.lost - responses;
    this.#before = this.lost;
  }
}

/** What HAProxy counted, and the lines received from it until just before it was asked and until a moment after. */
interface Look {
  readonly pid: number;
  readonly responses: number;
  readonly linesBefore: number;
  readonly linesAfter: number;
}

/** How many comparisons after a reload the old worker may still be sending lines. */
const SETTLING = 1;
