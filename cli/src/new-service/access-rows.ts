/** Adds a new service to the two tables of tests/access.md: its RPCs, and itself as a caller. Pure: from text to text. */

/** An RPC and what each end user may do with it. */
export interface AccessRow {
  /** "shop.wishes.v1.WishService/GetWish" */
  readonly rpc: string;
  /** Who may, of the columns of the first table. */
  readonly users: readonly string[];
}

/** Whoever answers end users verifies their tokens by what this answers. */
const KEYS = "shop.auth.v1.AuthService/GetKeySet";
/** Callers that bring an end user's request, or are one. */
const CARRIERS: readonly string[] = ["edge", "toolbox", "nobody"];
/** Stands for all callers without a column; new columns come before it. */
const OTHERS = "others";

/** Of a column: a rule of fewer dashes is none everywhere. */
const NARROWEST = 3;

/** The first row is the head. */
type Table = readonly (readonly string[])[];

export function withService(text: string, service: string, rows: readonly AccessRow[]): string {
  const [users, callers] = text.match(/(?:^\|.*\n)+/gm) ?? [];
  if (!users || !callers) throw new Error("Cannot add to access.md: it has not two tables");
  const byUser = cellsOf(users);
  const byCaller = withColumn(cellsOf(callers), service);
  const ofUsers = rows.map(({ rpc, users: may }) => rowOf(byUser, rpc, may));
  const ofCallers = rows.map(({ rpc }) => rowOf(byCaller, rpc, CARRIERS));
  return text
    .replace(users, () => tableText([...byUser, ...ofUsers]))
    .replace(callers, () => tableText([...byCaller, ...ofCallers]));
}

function cellsOf(table: string): Table {
  const lines = table.trimEnd().split("\n");
  return lines
    .filter((line) => !/^[|\s-]+$/.test(line))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function rowOf([head = []]: Table, rpc: string, allowed: readonly string[]): string[] {
  return [rpc, ...head.slice(1).map((column) => (allowed.includes(column) ? "yes" : "no"))];
}

function withColumn(table: Table, service: string): Table {
  const at = table[0]?.indexOf(OTHERS) ?? -1;
  if (at < 0) throw new Error(`Cannot add to access.md: its second table has no column "${OTHERS}"`);
  return table.map((row, index) => row.toSpliced(at, 0, index === 0 ? service : row[0] === KEYS ? "yes" : "no"));
}

function tableText(table: Table): string {
  const [head = [], ...rows] = table;
  const widths = head.map((_, column) => Math.max(NARROWEST, ...table.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...rows]
    .map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`)
    .join("");
}
