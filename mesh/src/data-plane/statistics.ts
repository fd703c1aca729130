/** HAProxy's own counters, as `show stat` and `show info` print them. */

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

/** Splits a line of CSV: checks' messages may be quoted and hold commas. */
function fieldsOf(line: string): string[] {
  const quoted = /("(?:[^"]|"")*"|[^,]*)(?:,|$)/g;
  return [...line.matchAll(quoted)].map(([, field = ""]) =>
    field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field,
  );
}
