import type { Installation } from "../installation.ts";
import { Secrets } from "../secrets.ts";
import { checkPortsAreFree, storePorts } from "../stores/ports.ts";
import { POSTGRES_ADMIN, postgresSocketUrl, preparePostgres } from "../stores/postgres.ts";
import { RunRecord } from "../supervisor/run-record.ts";
import { SupervisedProcess } from "../supervisor/supervised-process.ts";

const START_MS = 60_000;

/** The superuser's connection string for a database of the shop. */
export function adminUrlOf(installation: Installation): (database?: string) => string {
  const { stateDir } = installation;
  const secrets = new Secrets(stateDir);
  const { postgres } = storePorts(installation);
  return (database = "postgres") => postgresSocketUrl(POSTGRES_ADMIN, secrets, postgres, stateDir, database);
}

/** Runs Postgres, and nothing else of a shop that is not running, for as long as something takes. */
export async function withOwnPostgres<Result>(
  installation: Installation,
  act: (adminUrl: (database?: string) => string) => Promise<Result>,
): Promise<Result> {
  const { stateDir } = installation;
  const { postgres: port } = storePorts(installation);
  await checkPortsAreFree(new Map([[port, "postgres"]]));
  const spec = await preparePostgres(stateDir, port, new Secrets(stateDir));
  const postgres = new SupervisedProcess(spec, new RunRecord(stateDir), () => {});
  postgres.start();
  try {
    await postgres.whenReady(START_MS);
    return await act(adminUrlOf(installation));
  } finally {
    await postgres.stop();
  }
}
