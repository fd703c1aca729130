import { type JetStreamManager, type JsMsg, jetstreamManager, type StoredMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { INJECTED } from "../rpc/injected-labels.ts";
import type { Nats } from "./nats.ts";
import { DEAD_LETTERS, deadSubject } from "./stream-names.ts";

/** An event that a service could not handle. */
export type DeadLetter = {
  /** Its number among the dead letters. */
  id: number;
  /** The service that could not handle it. */
  service: string;
  /** The event's full name. */
  subject: string;
  eventId: string;
  aggregateId: string;
  correlationId: string;
  /** What the last try failed with. */
  error: string;
  attempts: number;
  /** When it was given up, RFC 3339. */
  time: string;
  /** Who wrote it, as service/version/instance. */
  publishedBy: string;
  /** What was injected into it, "inventory/v2:bad-event"; empty for nothing. */
  injected: string;
};

/** A dead letter with everything that came with the event. */
export type DeadLetterContent = DeadLetter & { headers: Record<string, string>; payload: Uint8Array };

const PREFIX = "x-dead-";

/** Puts a message aside for a person to look at; false when even that fails, and the message comes again. */
export async function buryMessage(burial: {
  nats: Nats;
  service: string;
  durable: string;
  message: JsMsg;
  error: unknown;
  attempts: number;
}): Promise<boolean> {
  const { nats, service, durable, message, error, attempts } = burial;
  const kept = copyHeaders(message.headers);
  kept.set(
    `${PREFIX}error`,
    (error instanceof Error ? error.message : String(error)).replace(/[\r\n]+/g, " ").slice(0, 500),
  );
  kept.set(`${PREFIX}attempts`, String(attempts));
  kept.set(`${PREFIX}consumer`, durable);
  try {
    // The stream's own number in the id: buried again after a lost answer it is the same, after a replay another.
    const msgID = `${durable}/${message.seq}`;
    await nats.js.publish(deadSubject(service, message.subject), message.data, { headers: kept, msgID, timeout: 2000 });
    message.term();
    return true;
  } catch {
    message.nak(5000);
    return false;
  }
}

/** How many dead letters there are. */
export async function countDeadLetters(nats: Nats): Promise<number> {
  const { state } = await (await manager(nats)).streams.info(DEAD_LETTERS);
  return state.messages;
}

/** Lists the dead letters, oldest first. */
export async function listDeadLetters(nats: Nats): Promise<DeadLetter[]> {
  const { streams } = await manager(nats);
  const { state } = await streams.info(DEAD_LETTERS);
  const letters: DeadLetter[] = [];
  for (let id = state.first_seq; letters.length < state.messages && id <= state.last_seq; id++) {
    const stored = await streams.getMessage(DEAD_LETTERS, { seq: id }).catch(() => null);
    if (stored) letters.push(toDeadLetter(stored));
  }
  return letters;
}

/** Reads one dead letter; throws when there is none of that number. */
export async function showDeadLetter(nats: Nats, id: number): Promise<DeadLetterContent> {
  const stored = await storedLetter(await manager(nats), id);
  const written = Object.fromEntries(stored.header.keys().map((key) => [key, stored.header.get(key)]));
  return { ...toDeadLetter(stored), headers: written, payload: stored.data };
}

/** Publishes the event again, as it was, for the service to try anew; consumers that had handled it will not do so again. */
export async function replayDeadLetter(nats: Nats, id: number): Promise<void> {
  const { streams } = await manager(nats);
  const stored = await storedLetter({ streams }, id);
  const msgID = `${DEAD_LETTERS}/${id}`;
  await nats.js.publish(subjectOf(stored), stored.data, { headers: copyHeaders(stored.header), msgID });
  await streams.deleteMessage(DEAD_LETTERS, id);
}

/** Deletes a dead letter for good. */
export async function dropDeadLetter(nats: Nats, id: number): Promise<void> {
  const { streams } = await manager(nats);
  await storedLetter({ streams }, id);
  await streams.deleteMessage(DEAD_LETTERS, id);
}

function manager(nats: Nats): Promise<JetStreamManager> {
  return jetstreamManager(nats.connection, { checkAPI: false });
}

async function storedLetter({ streams }: Pick<JetStreamManager, "streams">, id: number): Promise<StoredMsg> {
  const stored = await streams.getMessage(DEAD_LETTERS, { seq: id }).catch(() => null);
  if (!stored) throw new Error(`Cannot find dead letter ${id}: see \`npx row dlq list\``);
  return stored;
}

function toDeadLetter(stored: StoredMsg): DeadLetter {
  const read = (name: string) => stored.header.get(name);
  return {
    id: stored.seq,
    service: stored.subject.split(".")[1] ?? "",
    subject: subjectOf(stored),
    eventId: read("ce-id"),
    aggregateId: read("ce-subject"),
    correlationId: read("x-correlation-id"),
    error: read(`${PREFIX}error`),
    attempts: Number(read(`${PREFIX}attempts`)),
    time: stored.timestamp,
    publishedBy: read("x-producer-version"),
    injected: read(INJECTED),
  };
}

/** The subject the event had: dead.<service>.<subject>. */
function subjectOf(stored: StoredMsg): string {
  return stored.subject.split(".").slice(2).join(".");
}

/** The event's own headers, without what burying and publishing added. */
function copyHeaders(from: MsgHdrs | undefined): MsgHdrs {
  const copy = headers();
  for (const key of from?.keys() ?? []) {
    if (!key.startsWith(PREFIX) && !key.startsWith("Nats-")) copy.set(key, from?.get(key) ?? "");
  }
  return copy;
}
