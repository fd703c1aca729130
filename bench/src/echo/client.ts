import { credentials } from "@grpc/grpc-js";
import { Latencies } from "@row/load/latencies.ts";
import type { LoadResult } from "../load/load-job.ts";
import { ready } from "../ready.ts";
import { variable } from "../variable.ts";
import { EchoClient } from "./echo.ts";

const client = new EchoClient(variable("ADDRESS"), credentials.createInsecure());
const message = Buffer.alloc(100);

function echo(): Promise<void> {
  return new Promise((resolve, reject) => {
    client.echo?.(message, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}

async function run(calls: number, seconds: number): Promise<LoadResult> {
  const latencies = new Latencies();
  const errors: Record<string, number> = {};
  const end = performance.now() + seconds * 1_000;
  const caller = async () => {
    while (performance.now() < end) {
      const from = performance.now();
      try {
        await echo();
        latencies.add(performance.now() - from);
      } catch (error) {
        errors[String(error)] = (errors[String(error)] ?? 0) + 1;
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: calls }, caller));
  const { count } = latencies;
  const p50 = latencies.quantile(0.5);
  return { requests: count, perSecond: count / seconds, p50, p99: latencies.quantile(0.99), errors };
}

process.on("message", async ({ connections, seconds }: { connections: number; seconds: number }) => {
  process.send?.({ result: await run(connections, seconds) });
});
ready();
