/** What HAProxy says of itself, as `show stat`, `show info`, `show servers state` and `show map` print it. */

const COUNTERS = [
  "req_tot",
  "hrsp_1xx",
  "hrsp_2xx",
  "hrsp_3xx",
  "hrsp_4xx",
  "hrsp_5xx",
  "hrsp_other",
  "lbtot",
  "wretr",
  "wredis",
  "econ",
  "eresp",
  "cli_abrt",
  "srv_abrt",
  "scur",
  "qcur",
] as const;

const TYPES = ["frontend", "backend", "server", "listener"] as const;

/** One line of `show stat`; a counter that does not exist for its type is 0. */
export interface Statistics extends Readonly<Record<(typeof COUNTERS)[number], number>> {
  readonly type: (typeof TYPES)[number];
  /** The frontend or backend. */
  readonly proxy: string;
  /** The server's name; "FRONTEND" and "BACKEND" for those themselves. */
  readonly server: string;
  /** "OPEN", "UP", "MAINT", "DRAIN", "no check" … */
  readonly status: string;
}

/** What one worker says of itself. */
export interface Info {
  /** Changes with each reload. */
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly currentConnections: number;
  /** What its memory pools hold and use, in MiB. */
  readonly poolAllocatedMb: number;
  readonly poolUsedMb: number;
}

/** Reads what `show stat` prints; columns are found by name, since each version adds some. */
export function parseStatistics(text: string): Statistics[] {
  const [heading = "", ...lines] = text.split("\n");
  if (!heading.startsWith("# pxname,")) throw new Error('Cannot read HAProxy\'s "show stat": it has no heading');
  const columns = new Map(fieldsOf(heading.slice(2)).map((name, index) => [name, index]));
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const fields = fieldsOf(line);
      const field = (name: string) => fields[columns.get(name) ?? -1] ?? "";
      const counters = Object.fromEntries(COUNTERS.map((name) => [name, Number(field(name))]));
      return {
        ...(counters as Record<(typeof COUNTERS)[number], number>), // the keys are COUNTERS
        type: TYPES[Number(field("type"))] ?? "listener",
        proxy: field("pxname"),
        server: field("svname"),
        status: field("status"),
      };
    });
}

/** Reads what `show info` prints. */
export function parseInfo(text: string): Info {
  const values = new Map(text.split("\n").map((line) => line.split(": ", 2) as [string, string | undefined]));
  const value = (name: string): number => {
    const number = Number(values.get(name));
    if (Number.isNaN(number)) throw new Error(`Cannot read HAProxy's "show info": it has no ${name}`);
    return number;
  };
  return {
    pid: value("Pid"),
    uptimeSeconds: value("Uptime_sec"),
    currentConnections: value("CurrConns"),
    poolAllocatedMb: value("PoolAlloc_MB"),
    poolUsedMb: value("PoolUsed_MB"),
  };
}

/** Forced by a command, inherited, by DNS: any of them keeps calls away, unlike the bit for what the file once said. */
const MAINTENANCE = 0x01 | 0x02 | 0x20;

/** Reads what `show servers state` prints: by "backend/server", whether it is in maintenance. */
export function parseServers(text: string): Map<string, boolean> {
  const lines = text.split("\n").filter((line) => line !== "");
  const heading = lines.findIndex((line) => line.startsWith("# be_id "));
  if (heading < 0) throw new Error('Cannot read HAProxy\'s "show servers state": it has no heading');
  const columns = (lines[heading] ?? "").slice(2).split(" ");
  const field = (fields: readonly string[], name: string) => fields[columns.indexOf(name)] ?? "";
  return new Map(
    lines.slice(heading + 1).map((line) => {
      const fields = line.split(" ");
      const isOut = (Number(field(fields, "srv_admin_state")) & MAINTENANCE) !== 0;
      return [`${field(fields, "be_name")}/${field(fields, "srv_name")}`, isOut];
    }),
  );
}

/** Reads what `show map` prints of a map's entries: their address, key and value. */
export function parseMap(text: string): Record<string, string> {
  const entries = [...text.matchAll(/^0x[0-9a-f]+ (\S+) (.*)$/gm)];
  return Object.fromEntries(entries.map(([, key = "", value = ""]) => [key, value]));
}

/** Splits a line of CSV: checks' messages may be quoted and hold commas. */
function fieldsOf(line: string): string[] {
  const quoted = /("(?:[^"]|"")*"|[^,]*)(?:,|$)/g;
  return [...line.matchAll(quoted)].map(([, field = ""]) =>
    field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field,
  );
}
