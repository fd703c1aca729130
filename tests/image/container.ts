import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const READY_MS = 30_000;

/** What a pod in production may do, and the machine's network. */
const CONFINED = ["--network", "host", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

/** Runs a docker command and answers what it printed, on both of its outputs. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run("docker", args);
  return `${stdout}${stderr}`.trim();
}

/** A container of an image, confined as in production unless told otherwise. */
export class Container {
  readonly #id: string;
  readonly #admin: string;

  private constructor(id: string, admin: string) {
    this.#id = id;
    this.#admin = admin;
  }

  /** Starts one, and waits until it says that it is ready. */
  static async start(image: string, env: Record<string, string>, confinement = CONFINED): Promise<Container> {
    const id = await start(["--detach", ...confinement], image, env);
    const container = new Container(id, `http://${env.ADMIN_ADDRESS}`);
    await container.whenReady();
    return container;
  }

  /** Runs one command to its end, which must be a good one, and answers what it printed. */
  static runOnce(
    image: string,
    env: Record<string, string>,
    command: string[],
    workdir = "/app/service",
  ): Promise<string> {
    return start(
      ["--rm", ...CONFINED, "--workdir", workdir, "--entrypoint", command[0] ?? ""],
      image,
      env,
      command.slice(1),
    );
  }

  async whenReady(): Promise<void> {
    const deadline = Date.now() + READY_MS;
    while ((await this.health("/readyz")) !== 200) {
      if (Date.now() > deadline) throw new Error(`Not ready after ${READY_MS} ms:\n${await this.logs()}`);
      await sleep(100);
    }
  }

  /** The status that /livez or /readyz answers with; undefined when nobody answers. */
  async health(path: string): Promise<number | undefined> {
    return fetch(`${this.#admin}${path}`).then(
      ({ status }) => status,
      () => undefined,
    );
  }

  logs(): Promise<string> {
    return docker("logs", this.#id);
  }

  inside(...command: string[]): Promise<string> {
    return docker("exec", this.#id, ...command);
  }

  copyIn(file: string, path: string): Promise<string> {
    return docker("cp", file, `${this.#id}:${path}`);
  }

  /** `docker stop`, with the grace period of a pod. Answers the exit code and how long it took. */
  async stop(): Promise<{ exitCode: number; seconds: number }> {
    const began = performance.now();
    await docker("stop", "--time", "30", this.#id);
    const seconds = (performance.now() - began) / 1_000;
    return { exitCode: Number(await docker("inspect", "--format", "{{.State.ExitCode}}", this.#id)), seconds };
  }

  async remove(): Promise<void> {
    await docker("rm", "--force", this.#id);
  }
}

// Values go through the environment: what stands on a command line, everybody on the machine can read.
async function start(
  options: string[],
  image: string,
  env: Record<string, string>,
  command: string[] = [],
): Promise<string> {
  const names = Object.keys(env).flatMap((name) => ["--env", name]);
  const { stdout } = await run("docker", ["run", ...options, ...names, image, ...command], {
    env: { ...process.env, ...env },
  });
  return stdout.trim();
}
