import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import type { Entry } from "../src/gateway.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export interface Reply {
  status: number;
  body: Record<string, unknown> & { error?: { code: string; field?: string; message: string } };
}

/** The gateway as a process of its own, as `row` would start it. */
export class GatewayProcess {
  readonly port: number;
  readonly dataDir: string;
  readonly #slowAnswerMs: number;
  #child: ChildProcess | undefined;
  stderr = "";

  constructor(port: number, dataDir: string, slowAnswerMs = 30_000) {
    this.port = port;
    this.dataDir = dataDir;
    this.#slowAnswerMs = slowAnswerMs;
  }

  get logPath(): string {
    return join(this.dataDir, "gateway.log");
  }

  /** Returns the exit code instead if the process ends before it is ready. */
  async start(): Promise<number | null | "ready"> {
    const child = spawn(process.execPath, ["src/main.ts"], {
      cwd: join(import.meta.dirname, ".."),
      env: {
        PATH: process.env.PATH,
        LISTEN_ADDRESS: `127.0.0.1:${this.port}`,
        DATA_DIR: this.dataDir,
        SLOW_ANSWER_MS: String(this.#slowAnswerMs),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stderr.on("data", (chunk) => {
      this.stderr += chunk;
    });
    const ready = new Promise<"ready">((resolve) => {
      child.stdout.on("data", (chunk) => {
        if (String(chunk).includes('"ready"')) resolve("ready");
      });
    });
    return Promise.race([ready, once(child, "exit").then(([code]) => code as number | null)]);
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, "exit");
    child.kill(signal);
    const [code] = await exited;
    return code;
  }

  post(path: string, key: string | undefined, body?: unknown): Promise<Reply> {
    return this.send("POST", path, key, body === undefined ? "" : JSON.stringify(body));
  }

  get(path: string): Promise<Reply> {
    return this.send("GET", path, undefined, "");
  }

  async send(method: string, path: string, key: string | undefined, body: string): Promise<Reply> {
    const { status, text } = await this.#exchange(method, path, key, body);
    return { status, body: JSON.parse(text) };
  }

  async log(): Promise<Entry[]> {
    const { text } = await this.#exchange("GET", "/v1/log", undefined, "");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  #exchange(
    method: string,
    path: string,
    key: string | undefined,
    body: string,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = {
        "content-length": Buffer.byteLength(body),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      };
      const call = request({ port: this.port, host: "127.0.0.1", method, path, agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      call.on("error", reject);
      call.end(body);
    });
  }
}
