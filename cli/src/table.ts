/** Columns of all rows under one another, in a terminal of any width. */
import { cut, flow, terminalWidth, widthOf } from "./terminal.ts";

const GAP = "  ";
const INDENT = "  ";
/** The last column may be long: with so much room it begins beside the others, and goes on below itself. */
const ROOM_FOR_LAST = 36;

/** A text for each row: one line, or where the terminal is too narrow further ones below, indented, with the columns that are left. */
export function table(rows: readonly (readonly string[])[], width = terminalWidth()): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? "")))) ?? [];
  const lines = columnsByLine(widths, width);
  return rows.map((row) =>
    lines
      .flatMap((columns, line) => {
        const before = columns.slice(0, -1).map((column) => `${padded(row[column] ?? "", widths[column] ?? 0)}${GAP}`);
        const start = (line === 0 ? "" : INDENT) + before.join("");
        const last = columns.at(-1) ?? 0;
        const room = width - widthOf(start);
        const cell = row[last] ?? "";
        return (last === widths.length - 1 ? inLines(cell, room) : [cut(cell, room)]).map((text, index) =>
          (index === 0 ? start + text : " ".repeat(widthOf(start)) + text).trimEnd(),
        );
      })
      .filter((line, index) => index === 0 || line !== "")
      .join("\n"),
  );
}

/** Which columns stand in the first line of a row, which below it. */
function columnsByLine(widths: readonly number[], width: number): number[][] {
  const lines: number[][] = [[]];
  let used = 0;
  for (const [column, own] of widths.entries()) {
    const least = column === widths.length - 1 ? Math.min(own, ROOM_FOR_LAST) : own;
    if (column > 0 && used + least > width) {
      lines.push([]);
      used = INDENT.length;
    }
    lines.at(-1)?.push(column);
    used += own + GAP.length;
  }
  return lines;
}

/** Parts that two blanks keep apart stay whole. */
function inLines(cell: string, width: number): string[] {
  const gap = cell.includes(GAP) ? GAP : " ";
  return flow(cell.split(gap), { width, gap, indent: "" });
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}
