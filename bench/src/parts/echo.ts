import { BenchProcess } from "../bench-process.ts";
import { LoadGenerator } from "../load-generator.ts";
import { measureRound, type Round, type Summary, summarise } from "../measure/round.ts";
import type { Plan } from "../plan.ts";
import { PORTS } from "../ports.ts";

/** The ceiling: a bare grpc-js server and a grpc-js client, nothing in between. */
export async function measureEcho(plan: Plan, logs: string): Promise<Summary> {
  const address = `127.0.0.1:${PORTS.echo}`;
  const server = await BenchProcess.start("echo server", "echo/server.ts", logs, { ADDRESS: address });
  try {
    const client = await LoadGenerator.ofEcho(logs, address);
    try {
      await client.run({ connections: plan.connections, seconds: plan.warmUpSeconds });
      const rounds: Round[] = [];
      for (let round = 0; round < plan.rounds; round += 1) {
        const job = { connections: plan.connections, seconds: plan.roundSeconds };
        rounds.push(await measureRound([server, client.process], () => client.run(job)));
      }
      return summarise(rounds, client.process.name);
    } finally {
      await client.process.stop();
    }
  } finally {
    await server.stop();
  }
}
