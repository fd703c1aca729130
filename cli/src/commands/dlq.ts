import { loadContracts } from "../contracts.ts";
import { type DeadLetter, DeadLetters, readPayload } from "../dead-letters.ts";
import { storePorts } from "../infra/ports.ts";
import type { Installation } from "../installation.ts";
import { connectAsAdmin } from "../provision/streams.ts";
import { RowError } from "../row-error.ts";
import { Secrets } from "../secrets.ts";
import { askStatus } from "../supervisor/control-client.ts";
import { table } from "./status.ts";

export async function list(installation: Installation, { json }: { json?: boolean }): Promise<void> {
  await withDeadLetters(installation, async (deadLetters) => {
    const letters = await deadLetters.list();
    if (json)
      console.log(
        JSON.stringify(
          letters.map(({ payload, ...letter }) => letter),
          null,
          2,
        ),
      );
    else if (letters.length === 0) console.log("There are no dead letters.");
    else console.log(table([["ID", "TIME", "SERVICE", "EVENT", "REASON"], ...letters.map(columns)]).join("\n"));
  });
}

export async function show(installation: Installation, id: string): Promise<void> {
  await withDeadLetters(installation, async (deadLetters) => {
    const letter = await deadLetters.get(number(id));
    const payload = readPayload(letter, loadContracts(installation.root));
    console.log(JSON.stringify({ ...letter, payload }, null, 2));
  });
}

export async function replay(installation: Installation, id: string): Promise<void> {
  await withDeadLetters(installation, async (deadLetters) => {
    for (const letter of await pick(deadLetters, id)) {
      await deadLetters.replay(letter);
      console.log(`Published ${letter.event} again for ${letter.service} (dead letter ${letter.id})`);
    }
  });
}

export async function drop(installation: Installation, id: string): Promise<void> {
  await withDeadLetters(installation, async (deadLetters) => {
    for (const letter of await pick(deadLetters, id)) {
      await deadLetters.drop(letter);
      console.log(`Deleted dead letter ${letter.id}: ${letter.event} for ${letter.service}`);
    }
  });
}

async function withDeadLetters(
  installation: Installation,
  act: (deadLetters: DeadLetters) => Promise<void>,
): Promise<void> {
  await askStatus(installation.stateDir);
  const connection = await connectAsAdmin(storePorts(installation).nats, new Secrets(installation.stateDir)).catch(
    () => {
      throw new RowError("NATS does not answer: see `row status` and `row logs nats`");
    },
  );
  try {
    await act(await DeadLetters.over(connection));
  } finally {
    await connection.close();
  }
}

function pick(deadLetters: DeadLetters, id: string): Promise<DeadLetter[]> {
  return id === "all" ? deadLetters.list() : deadLetters.get(number(id)).then((letter) => [letter]);
}

function number(id: string): number {
  const value = Number(id);
  if (!Number.isInteger(value) || value < 1)
    throw new RowError(`${id} is not the number of a dead letter: see \`row dlq list\``);
  return value;
}

function columns({ id, time, service, event, headers }: DeadLetter): string[] {
  const reason = Object.entries(headers).find(([name]) => /reason|error/i.test(name))?.[1] ?? "";
  return [String(id), time, service, event, reason];
}
