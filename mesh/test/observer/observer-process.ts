/** The observer as the supervisor runs it. */

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@row/tests/harness/ports.ts";
import type { SidecarsFile } from "../../src/observer/sidecars-file.ts";

const PROGRAM = join(import.meta.dirname, "../../src/observer/main.ts");

export type Observer = Awaited<ReturnType<typeof startObserver>>;

/** Starts an observer of no sidecars; `keptFolder`: one that an observer used before. */
export async function startObserver(keptFolder?: string) {
  const folder = keptFolder ?? (await mkdtemp(join(tmpdir(), "observer-")));
  const [log, http] = [await freePort(), await freePort()];
  /** What the last one left is for the supervisor to replace. */
  const sidecars = join(folder, "sidecars.json");
  const child = spawn(process.execPath, [PROGRAM], {
    env: {
      PATH: process.env.PATH,
      OBSERVER_LOG_ADDRESS: `127.0.0.1:${log}`,
      OBSERVER_HTTP_ADDRESS: `127.0.0.1:${http}`,
      OBSERVER_DATA_DIR: join(folder, "data"),
      OBSERVER_SIDECARS_FILE: sidecars,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (text) => (said += text));
  const url = `http://127.0.0.1:${http}`;
  const socket = createSocket("udp4");
  const get = async (path: string) => (await fetch(url + path)).text();
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`It does not start: ${said}`);
    return (await fetch(`${url}/livez`)).ok;
  });
  return {
    url,
    folder,
    logPort: log,
    get,
    said: () => said,
    /** One datagram a line, at a pace that loopback takes. */
    async send(...lines: string[]): Promise<void> {
      for (const [index, line] of lines.entries()) {
        await new Promise<void>((resolve) => socket.send(`${line}\n`, log, "127.0.0.1", () => resolve()));
        if (index % 100 === 99) await sleep(1);
      }
    },
    async listSidecars(file: SidecarsFile): Promise<void> {
      await writeFile(sidecars, JSON.stringify(file));
    },
    /** The value of the one series of a metric whose labels include these. */
    async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
      return sampleOf(await get("/metrics"), name, labels);
    },
    /** Answers with the exit code. */
    async stop(): Promise<number | null> {
      socket.close();
      if (child.exitCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      return child.exitCode;
    },
    /** As a crash would. */
    async kill(): Promise<void> {
      socket.close();
      child.kill("SIGKILL");
      await once(child, "exit");
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export function sampleOf(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text.split("\n").find((candidate) => {
    const series = candidate.slice(0, candidate.lastIndexOf(" "));
    return (series === name || series.startsWith(`${name}{`)) && wanted.every((label) => series.includes(label));
  });
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
}

/** Waits until something holds; rejects after ten seconds with what it was instead. */
export async function eventually(holds: () => Promise<boolean> | boolean, waitMs = 10_000): Promise<void> {
  const until = performance.now() + waitMs;
  for (;;) {
    const reason = await Promise.resolve()
      .then(holds)
      .then((yes) => (yes ? undefined : new Error(`It did not come true: ${holds}`)))
      .catch((error: Error) => error);
    if (!reason) return;
    if (performance.now() > until) throw reason;
    await sleep(20);
  }
}
