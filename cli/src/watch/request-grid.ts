/** The latest requests to a service as cells of a grid: which version answered each, and how. Pure: it only computes. */
import type { Arm } from "@row/mesh/judge/arms.ts";

export type Outcome = "well" | "refused" | "failed";

/** A request as it passed; the arm is absent of one that no version answered. */
export interface Cell {
  readonly arm?: Arm;
  readonly outcome: Outcome;
}

/** A letter for the version and a sign for the outcome, so that nothing is told by colour alone. */
export const LETTERS: Readonly<Record<Arm, string>> = { stable: "s", baseline: "b", canary: "C" };
export const SIGNS: Readonly<Record<Outcome, string>> = { well: "·", refused: "○", failed: "✕" };
const NOBODY = "?";
const CELL_WIDTH = 3;

/** As many as the largest grid shows. */
const MOST_CELLS = 2_000;

export type Paint = (arm: Arm | undefined, text: string) => string;

export class RequestGrid {
  readonly #cells: Cell[] = [];

  add(cell: Cell): void {
    this.#cells.push(cell);
    if (this.#cells.length > 2 * MOST_CELLS) this.#cells.splice(0, this.#cells.length - MOST_CELLS);
  }

  /** The latest that there is room for, the newest last. */
  rows(width: number, height: number, paint: Paint): string[] {
    const perRow = Math.max(1, Math.floor(width / CELL_WIDTH));
    // Whole rows leave at the top, so that cells keep their places while a row fills.
    const count = this.#cells.length;
    const firstRow = Math.max(0, Math.ceil(count / perRow) - height);
    const shown = this.#cells.slice(firstRow * perRow);
    return Array.from({ length: height }, (_, row) =>
      shown
        .slice(row * perRow, (row + 1) * perRow)
        .map(({ arm, outcome }) => paint(arm, `${arm ? LETTERS[arm] : NOBODY}${SIGNS[outcome]}`))
        .join(" "),
    );
  }
}
