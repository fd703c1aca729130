/** Text in lines that end where the terminal does; colours take no room. */
import { stripVTControlCharacters } from "node:util";

/** In characters; endless where nobody knows it, as in a pipe: whoever reads there wants whole lines. */
export function terminalWidth(): number {
  return process.stdout.columns || Number.POSITIVE_INFINITY;
}

export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** What is too long ends in "…", and without colour. */
export function cut(text: string, width: number): string {
  return widthOf(text) > width ? `${stripVTControlCharacters(text).slice(0, width - 1)}…` : text;
}

export interface Flow {
  readonly width: number;
  /** Between two pieces of a line. */
  readonly gap?: string;
  /** What every line but the first begins with. */
  readonly indent?: string;
}

/** Piece after piece, each in a new line where it does not fit any more; one that fits in none is cut. */
export function flow(pieces: readonly string[], { width, gap = " ", indent = "  " }: Flow): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const piece of pieces) {
    const longer: string = line === undefined ? piece : `${line}${gap}${piece}`;
    if (line !== undefined && widthOf(longer) > width) {
      lines.push(line);
      line = indent + cut(piece, width - indent.length);
    } else line = cut(longer, width);
  }
  return line === undefined ? lines : [...lines, line];
}

/** A sentence, in as many lines as it needs. */
export function sentence(text: string, width: number, indent = "  "): string {
  return flow(text.split(" "), { width, indent }).join("\n");
}
