/** kubectl as a child process, and what its complaints mean. */
import { type ChildProcessByStdio, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { NAMESPACE } from "@row/runtime/names.ts";
import { codeOf, RowError } from "@row/topology/row-error.ts";

/** What kubectl said when it would not. */
export class KubectlFailed extends RowError {
  readonly stderr: string;

  constructor(message: string, stderr: string) {
    super(message);
    this.stderr = stderr;
  }

  /** Somebody else has changed the object since it was read. */
  get isConflict(): boolean {
    return /\(Conflict\)|has been modified/.test(this.stderr);
  }

  get isNotFound(): boolean {
    return /\(NotFound\)|not found/.test(this.stderr);
  }
}

/** A cluster as kubectl's configuration says how to reach it; everything of the shop is in one namespace there. */
export class Kubectl {
  readonly #options: readonly string[];
  readonly context: string | undefined;
  readonly namespace: string;

  /** @param context kubectl's current one unless given */
  constructor(context?: string, namespace = NAMESPACE) {
    this.context = context;
    this.namespace = namespace;
    this.#options = [...(context ? ["--context", context] : []), "--namespace", namespace];
  }

  /** What a command prints. Throws KubectlFailed when it fails. */
  run(...args: string[]): Promise<string> {
    return this.runWith("", ...args);
  }

  /** The same for a command that reads its standard input. */
  async runWith(input: string, ...args: string[]): Promise<string> {
    const child = this.start(...(args[0] === "rollout" ? [] : ["--request-timeout=20s"]), ...args);
    const failed = new Promise<never>((_, reject) => child.once("error", (error) => reject(missing(error))));
    const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
    child.stdin.end(input);
    const [output, complaint, code] = await Promise.race([
      Promise.all([text(child.stdout), text(child.stderr), closed]),
      failed,
    ]);
    if (code === 0) return output;
    throw this.#failure(complaint);
  }

  /** A command that goes on, such as port-forward; `failure` says what its standard error means. */
  start(...args: string[]): ChildProcessWithoutNullStreams {
    return spawn("kubectl", [...this.#options, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  }

  /** Resolves when the command cannot go on, with why. */
  async end(child: ChildProcessByStdio<null, Readable, Readable> | ChildProcessWithoutNullStreams): Promise<RowError> {
    const complaint = text(child.stderr).catch(() => "");
    const error = await new Promise<Error | undefined>((resolve) => {
      child.once("error", resolve);
      child.once("close", () => resolve(undefined));
    });
    return error ? missing(error) : this.#failure(await complaint);
  }

  #failure(stderr: string): KubectlFailed {
    const says = stderr.trim().split("\n").at(-1) ?? "";
    const where = this.context ? `of kubectl's context ${this.context}` : "of kubectl's current context";
    if (/context .* does not exist|no context exists|context was not found/i.test(stderr)) {
      return new KubectlFailed(
        `Cannot reach a cluster: ${says}; \`kubectl config get-contexts\` lists what there is`,
        stderr,
      );
    }
    if (/current-context is not set|localhost:8080 was refused/i.test(stderr)) {
      return new KubectlFailed(
        "Cannot reach a cluster: kubectl has no context; choose one with `kubectl config use-context`",
        stderr,
      );
    }
    if (/unable to connect|refused|no such host|timeout|server API group list/i.test(stderr)) {
      return new KubectlFailed(`Cannot reach the cluster ${where}: ${says}`, stderr);
    }
    if (/doesn't have a resource type/.test(stderr)) {
      return new KubectlFailed(
        `Cannot ask the cluster ${where}: ${says}. Install Linkerd first: k8s/linkerd/install.sh`,
        stderr,
      );
    }
    return new KubectlFailed(`kubectl refused: ${says}`, stderr);
  }
}

function missing(error: Error): RowError {
  if (codeOf(error) !== "ENOENT") return new RowError(`Cannot run kubectl: ${error.message}`);
  return new RowError("Cannot ask a cluster: there is no kubectl on the PATH");
}
