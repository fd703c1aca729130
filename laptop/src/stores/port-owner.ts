import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Who listens on a TCP port, as far as /proc lets this user see: "pid 812 (python3 -m http.server)" or "an unknown process". */
export function portOwner(port: number): string {
  const [pid] = listenersOf(port);
  return pid === undefined ? "an unknown process" : `pid ${pid} (${commandLine(pid)})`;
}

/** Every process that listens on a TCP port, as far as this user may see. */
export function listenersOf(port: number): number[] {
  const inodes = listeningSockets(port);
  return inodes.size > 0 ? processIds().filter((pid) => holdsSocket(pid, inodes)) : [];
}

const LISTENING = "0A";

function listeningSockets(port: number): Set<string> {
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readLines(table).slice(1)) {
      const columns = line.trim().split(/\s+/);
      const [, local, , state] = columns;
      const inode = columns[9];
      const localPort = Number.parseInt(local?.split(":")[1] ?? "", 16);
      if (localPort === port && state === LISTENING && inode) inodes.add(`socket:[${inode}]`);
    }
  }
  return inodes;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}

function processIds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function holdsSocket(pid: number, sockets: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    // Another user's process: its descriptors are hidden from us.
    return false;
  }
}

function commandLine(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
    const line = words.join(" ") || readFileSync(`/proc/${pid}/comm`, "utf8").trim();
    return line.length > 80 ? `${line.slice(0, 79)}…` : line;
  } catch {
    return "unknown";
  }
}
