import { BenchProcess } from "../bench-process.ts";
import type { Cleanup } from "../cleanup.ts";
import { type EchoJob, LoadGenerator } from "../load-generator.ts";
import type { Watched } from "../measure/process-watch.ts";
import { type Ratio, ratioOf } from "../measure/ratio.ts";
import { measureRound, type Summary, summarise } from "../measure/round.ts";
import { MeshPair } from "../mesh-pair.ts";
import type { Plan } from "../plan.ts";
import { takeTurns } from "./take-turns.ts";

/** A bare gRPC call from app to app, and through both their sidecars, with request lines on. */
export interface MeshHop {
  direct: Summary;
  meshed: Summary;
  /** Calls a second through the sidecars, of those without them. */
  ratio: Ratio;
  /** One call at a time, where what the sidecars add shows best. */
  directAlone: Summary;
  meshedAlone: Summary;
  /** Of the larger sidecar, its master process included: the highest PSS. */
  sidecarMegabytes: number;
}

export async function measureMeshHop(plan: Plan, logs: string, cleanup: Cleanup): Promise<MeshHop> {
  const pair = await cleanup.keep(MeshPair.start(), (it) => it.stop());
  const started: BenchProcess[] = [];
  const keep = <T extends BenchProcess>(process: T): T => {
    started.unshift(process);
    return process;
  };
  try {
    const server = keep(await BenchProcess.start("echo server", "echo/server.ts", logs, { ADDRESS: pair.callee }));
    const direct = await LoadGenerator.ofEcho(logs, pair.callee);
    keep(direct.process);
    const meshed = await LoadGenerator.ofEcho(logs, pair.outbound);
    keep(meshed.process);
    const turn = (client: LoadGenerator<EchoJob>, watched: readonly Watched[], connections: number) => () =>
      measureRound([server, client.process, ...watched], () => client.run({ connections, seconds: plan.roundSeconds }));
    for (const client of [direct, meshed]) {
      await client.run({ connections: plan.connections, seconds: plan.warmUpSeconds });
    }
    const rounds = await takeTurns(plan.rounds, {
      direct: turn(direct, [], plan.connections),
      meshed: turn(meshed, pair.processes, plan.connections),
      directAlone: turn(direct, [], 1),
      meshedAlone: turn(meshed, pair.processes, 1),
    });
    const summary = (name: keyof typeof rounds) => summarise(rounds[name], direct.process.name);
    const all = summary("meshed");
    return {
      direct: summary("direct"),
      meshed: all,
      ratio: ratioOf(all.rounds, summary("direct").rounds),
      directAlone: summary("directAlone"),
      meshedAlone: summary("meshedAlone"),
      sidecarMegabytes: Math.max(...pair.processes.map(({ name }) => all.processes[name]?.peakPssMegabytes ?? 0)),
    };
  } finally {
    for (const process of started) await process.stop();
    await pair.stop();
  }
}
