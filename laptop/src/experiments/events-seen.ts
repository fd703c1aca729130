/** What the versions publish from now on, and what of it becomes a dead letter, read from the streams. */

import { createHash } from "node:crypto";
import { JetStreamApiError, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import { fromHeaders } from "@row/runtime/events/headers.ts";
import { DEAD_LETTERS } from "@row/runtime/events/stream-names.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import type { Installation } from "../installation.ts";
import { Secrets } from "../secrets.ts";
import { NATS_ADMIN } from "../stores/nats-configuration.ts";
import { storePorts } from "../stores/ports.ts";
import { EventLog } from "./event-log.ts";
import { bookedAmounts, type ToldAmount, toldAmount, wrongAmount } from "./paid-amounts.ts";
import type { ReadOnly } from "./read-only.ts";
import type { Source } from "./source.ts";

const CONNECT_MS = 2_000;
const MOST_TOLD = 1_000;
const STREAM_NOT_FOUND = 10059;
const GATE = "dead-letters";
const INVARIANT = "one-event";

export async function eventsSeen(
  installation: Installation,
  databases: ReadOnly,
  arms: Arms,
  rule: JudgeRule,
): Promise<Source | undefined> {
  const isJudged = rule.gates.some(({ name }) => name === GATE);
  if (!isJudged && !(INVARIANT in rule.invariants)) return undefined;
  const nats = await connectTo(installation);
  try {
    const log = new EventLog(arms.service);
    let told: ToldAmount[] = [];
    const stream = arms.service.toUpperCase();
    const isThere = await follow(nats, stream, (message) => {
      const event = fromHeaders(message.headers);
      const payload = createHash("sha256").update(message.data).digest("base64");
      log.published({ ...event, payload }, performance.now());
      const amount = toldAmount(event.type, message.data);
      if (amount && told.length < MOST_TOLD) told.push(amount);
    });
    if (!isThere) {
      await nats.close();
      return undefined;
    }
    await follow(nats, DEAD_LETTERS, (message) => log.died(fromHeaders(message.headers)));
    return {
      name: "events",
      async read() {
        // Answered only while there is a server to answer: what is not published is not what cannot be read.
        await nats.rtt();
        const asked = [...told];
        const wrong = wrongAmount(asked, await bookedAmounts(databases, asked));
        told = told.slice(asked.length);
        const { stratum, example, violation = wrong } = log.take(arms, performance.now());
        return {
          ...(isJudged && { metrics: { [GATE]: [stratum] } }),
          ...(isJudged && example && { examples: { [GATE]: example } }),
          ...(violation && INVARIANT in rule.invariants && { violations: [violation] }),
        };
      },
      close: () => nats.close(),
    };
  } catch (error) {
    await nats.close();
    throw error;
  }
}

async function connectTo(installation: Installation): Promise<NatsConnection> {
  const secrets = new Secrets(installation.stateDir);
  const pass = secrets.get(`nats/${NATS_ADMIN}`);
  const servers = `127.0.0.1:${storePorts(installation).nats}`;
  const name = "row experiment";
  try {
    return await connect({ servers, user: NATS_ADMIN, pass, name, timeout: CONNECT_MS, maxReconnectAttempts: -1 });
  } catch (error) {
    throw new RowError(`Cannot observe events: NATS does not answer at ${servers}: ${messageOf(error)}`);
  }
}

/** Hands on what a stream gets from now on, in its order; answers whether there is one. What cannot be read is no event of ours. */
async function follow(nats: NatsConnection, stream: string, take: (message: JsMsg) => void): Promise<boolean> {
  const manager = await jetstreamManager(nats, { checkAPI: false });
  const info = await manager.streams.info(stream).catch((error) => {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined;
    throw error;
  });
  if (!info) return false;
  const from = { opt_start_seq: info.state.last_seq + 1, deliver_policy: "by_start_sequence" as const };
  const consumer = await jetstream(nats).consumers.get(stream, from);
  await consumer.consume({
    callback(message) {
      try {
        take(message);
      } catch {
        // Without its headers nobody knows who published it.
      }
    },
  });
  return true;
}
