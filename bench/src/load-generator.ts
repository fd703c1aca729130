import { BenchProcess } from "./bench-process.ts";
import type { LoadJob, LoadResult } from "./load/load-job.ts";

/** Longest that requests may take to end after the time of their job is over. */
const GRACE_MS = 45_000;

/** Calls under way at once, and for how long. */
export type EchoJob = Pick<LoadJob, "connections" | "seconds">;

/** A process that makes load as it is told; one and the same for all that is compared. */
export class LoadGenerator<Job extends { seconds: number }> {
  readonly process: BenchProcess;

  private constructor(process: BenchProcess) {
    this.process = process;
  }

  /** Loads the edge of the shop and the gateway of the tutorial stack. */
  static async overHttp(logs: string): Promise<LoadGenerator<LoadJob>> {
    return new LoadGenerator(await BenchProcess.start("load generator", "load/main.ts", logs));
  }

  /** Loads the bare gRPC echo at an address with a grpc-js client. */
  static async ofEcho(logs: string, address: string): Promise<LoadGenerator<EchoJob>> {
    return new LoadGenerator(await BenchProcess.start("echo client", "echo/client.ts", logs, { ADDRESS: address }));
  }

  run(job: Job): Promise<LoadResult> {
    const { child } = this.process;
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(late);
        child.off("exit", onExit).off("message", onMessage);
        outcome();
      };
      const onExit = () => settle(() => reject(new Error("The load generator stopped")));
      const onMessage = (answer: { result: LoadResult } | { failed: string }) =>
        settle(() => ("result" in answer ? resolve(answer.result) : reject(new Error(answer.failed))));
      const lateMs = job.seconds * 1_000 + GRACE_MS;
      const late = setTimeout(() => settle(() => reject(new Error("The load does not end"))), lateMs);
      child.on("exit", onExit).on("message", onMessage);
      child.send(job);
    });
  }
}
