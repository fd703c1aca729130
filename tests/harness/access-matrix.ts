import { readFileSync } from "node:fs";

/** One table of access.md: RPC → column → cell. */
export type Matrix = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Reads the tables of access.md, in their order. */
export function readMatrices(file: string): Matrix[] {
  const matrices: Map<string, Record<string, string>>[] = [];
  let columns: string[] = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (!line.startsWith("|")) {
      columns = [];
      continue;
    }
    const [rpc = "", ...cells] = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (columns.length === 0) {
      columns = cells;
      matrices.push(new Map());
    } else if (!/^-+$/.test(rpc)) {
      if (cells.length !== columns.length) throw new Error(`access.md: ${rpc} has ${cells.length} cells`);
      if (matrices.at(-1)?.has(rpc)) throw new Error(`access.md: ${rpc} appears twice`);
      matrices.at(-1)?.set(rpc, Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""])));
    }
  }
  return matrices;
}
