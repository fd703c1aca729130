/** `row dlq`: dead letters, looked at, published again or deleted. */
import { type FileRegistry, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import type { Installation } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import { NATS_ADMIN } from "@row/laptop/stores/nats-configuration.ts";
import { storePorts } from "@row/laptop/stores/ports.ts";
import { askStatus } from "@row/laptop/supervisor/control-client.ts";
import {
  type DeadLetter,
  type DeadLetterContent,
  dropDeadLetter,
  listDeadLetters,
  replayDeadLetter,
  showDeadLetter,
} from "@row/runtime/events/dead-letters.ts";
import { connectNats, type Nats } from "@row/runtime/events/nats.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { table } from "../table.ts";

export function dlqCommand(here: () => Installation): Command {
  const dlq = new Command("dlq").description("look at dead letters: events that a service could not apply");
  dlq
    .command("list")
    .description("list the dead letters, oldest first")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => list(here(), options));
  dlq
    .command("show")
    .description("print one dead letter with its headers and its payload")
    .argument("<id>", "the number that list shows")
    .action((id: string) => show(here(), id));
  dlq
    .command("replay")
    .description("publish the event again, so that the service that refused it gets another chance")
    .argument("<id>", "the number that list shows, or all")
    .action((id: string) => replay(here(), id));
  dlq
    .command("drop")
    .description("delete dead letters for good")
    .argument("<id>", "the number that list shows, or all")
    .action((id: string) => drop(here(), id));
  return dlq;
}

async function list(installation: Installation, { json }: { json?: boolean }): Promise<void> {
  await withNats(installation, async (nats) => {
    const letters = await listDeadLetters(nats);
    if (json) console.log(JSON.stringify(letters, null, 2));
    else if (letters.length === 0) console.log("There are no dead letters.");
    else console.log(table([["ID", "TIME", "SERVICE", "EVENT", "TRIES", "ERROR"], ...letters.map(columns)]).join("\n"));
  });
}

async function show(installation: Installation, id: string): Promise<void> {
  await withNats(installation, async (nats) => {
    const letter = await showDeadLetter(nats, number(id));
    const payload = readPayload(letter, loadContracts(installation.root));
    console.log(JSON.stringify({ ...letter, payload }, null, 2));
  });
}

async function replay(installation: Installation, id: string): Promise<void> {
  await withNats(installation, async (nats) => {
    for (const { id: picked, service, subject } of await pick(nats, id)) {
      await replayDeadLetter(nats, picked);
      console.log(`Published ${subject} again for ${service} (dead letter ${picked})`);
    }
  });
}

async function drop(installation: Installation, id: string): Promise<void> {
  await withNats(installation, async (nats) => {
    for (const { id: picked, service, subject } of await pick(nats, id)) {
      await dropDeadLetter(nats, picked);
      console.log(`Deleted dead letter ${picked}: ${subject} for ${service}`);
    }
  });
}

async function withNats({ stateDir, ...place }: Installation, act: (nats: Nats) => Promise<void>): Promise<void> {
  await askStatus(stateDir);
  const url = `nats://127.0.0.1:${storePorts({ stateDir, ...place }).nats}`;
  const password = new Secrets(stateDir).get(`nats/${NATS_ADMIN}`);
  try {
    const nats = await connectNats({ url, user: NATS_ADMIN, password, name: "row", timeoutMs: 2_000 });
    try {
      await act(nats);
    } finally {
      await nats.close();
    }
  } catch (error) {
    throw new RowError(messageOf(error));
  }
}

async function pick(nats: Nats, id: string): Promise<DeadLetter[]> {
  return id === "all" ? listDeadLetters(nats) : [await showDeadLetter(nats, number(id))];
}

function number(id: string): number {
  const value = Number(id);
  if (!Number.isInteger(value) || value < 1) {
    throw new RowError(`${id} is not the number of a dead letter: see \`npx row dlq list\``);
  }
  return value;
}

function columns({ id, time, service, subject, attempts, error }: DeadLetter): string[] {
  return [String(id), time, service, subject, String(attempts), error];
}

/** The payload as JSON, or as base64 when no contract can read it. */
function readPayload({ subject, payload }: DeadLetterContent, contracts: FileRegistry): JsonValue {
  const schema = contracts.getMessage(subject);
  try {
    if (schema) return toJson(schema, fromBinary(schema, payload), { registry: contracts, alwaysEmitImplicit: true });
  } catch {
    // Not what its subject says, which may be the very reason why it is dead.
  }
  return Buffer.from(payload).toString("base64");
}
