/** Debian's Chromium without a window, by its debugging protocol: opens one page and asks it things. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const isMissing =
  spawnSync("chromium", ["--version"]).error !== undefined && "there is no chromium: apt-get install chromium";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--remote-debugging-port=0",
];

export class Browser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(result: Result): void; reject(error: Error): void }>();
  /** The addresses of everything that the page asked for. */
  readonly requested: string[] = [];
  #calls = 0;
  #onLoad: () => void = () => {};

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(String(data))));
  }

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), "row-chromium-"));
    const child = spawn("chromium", [...ARGUMENTS, `--user-data-dir=${profile}`, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    for await (const line of createInterface({ input: child.stderr })) {
      const [, port] = /^DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line) ?? [];
      if (port === undefined) continue;
      const socket = new WebSocket(await pageOf(port));
      await new Promise((resolve, reject) => {
        socket.addEventListener("open", resolve, { once: true });
        socket.addEventListener("error", reject, { once: true });
      });
      child.stderr.resume();
      const browser = new Browser(child, profile, socket);
      await browser.call("Page.enable");
      await browser.call("Network.enable");
      return browser;
    }
    throw new Error("Chromium ended before it listened");
  }

  /** Calls a method of the debugging protocol. */
  call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<Result> {
    this.#calls += 1;
    const id = this.#calls;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async open(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => {
      this.#onLoad = resolve;
    });
    await this.call("Page.navigate", { url });
    await loaded;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.call("Runtime.evaluate", { expression, returnByValue: true });
    return (result as { value?: unknown } | undefined)?.value; // as the protocol describes Runtime.evaluate
  }

  async close(): Promise<void> {
    this.#socket.close();
    this.#process.kill();
    if (this.#process.exitCode === null) await once(this.#process, "exit");
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #hear({ id, result, error, method, params }: Message): void {
    if (method === "Page.loadEventFired") this.#onLoad();
    if (method === "Network.requestWillBeSent") this.requested.push(params?.request?.url ?? "");
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || !waiting) return;
    this.#waiting.delete(id);
    if (error) waiting.reject(new Error(error.message));
    else waiting.resolve(result ?? {});
  }
}

/** Where the one page listens. */
async function pageOf(port: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
  const targets: Record<string, string>[] = JSON.parse(await answer.text());
  const address = targets.find(({ type }) => type === "page")?.webSocketDebuggerUrl;
  if (address === undefined) throw new Error("Chromium has no page");
  return address;
}

type Result = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly result?: Result;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: { readonly request?: { readonly url: string } };
}
