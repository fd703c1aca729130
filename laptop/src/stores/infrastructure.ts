import { rmSync } from "node:fs";
import { redisUses } from "@row/topology/redis.ts";
import { discoverServices, type ServiceManifest, selectServices } from "@row/topology/service-manifest.ts";
import { type Installation, installationAt } from "../installation.ts";
import { Secrets } from "../secrets.ts";
import { processEnvironment, type Settings } from "../shop/service-process.ts";
import { removeSocketFolder } from "../sidecars/socket-folder.ts";
import { prepareStateDir } from "../state-dir.ts";
import { RunRecord, stopLeftovers } from "../supervisor/run-record.ts";
import { type ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";
import { prepareNats } from "./nats.ts";
import { NATS_ADMIN } from "./nats-configuration.ts";
import { checkPortsAreFree, namedStorePorts, type StorePorts, storePorts } from "./ports.ts";
import { POSTGRES_ADMIN, postgresSocketUrl, preparePostgres, removePostgres } from "./postgres.ts";
import { findPrograms, type ProgramSearch, programsFor } from "./programs.ts";
import { prepareRedis } from "./redis.ts";

export interface InfrastructureOptions extends Partial<Installation>, Settings {
  /** The services to make databases, users and consumers for; every one that is discovered when absent. */
  services?: string[];
  programs?: ProgramSearch;
  /** Nobody will want what is stored once the machine has crashed: Postgres does not wait for the disk. */
  isThrowaway?: boolean;
  onChange?: (process: SupervisedProcess, note: string) => void;
  /** The record that a shop shares with its stores; one of its own when absent. */
  record?: RunRecord;
  /** The list that a shop shares with its stores: they appear in it as they are started. */
  processes?: SupervisedProcess[];
  /** Ends a start that is under way. */
  signal?: AbortSignal;
}

/** The running stores of one installation: Postgres, NATS, and each Redis that a service keeps something in. */
export interface Infrastructure {
  installation: Installation;
  services: ServiceManifest[];
  secrets: Secrets;
  ports: StorePorts;
  processes: SupervisedProcess[];
  /** A connection string of the superuser; for a service's own role see `environmentOf(service).DATABASE_URL`. */
  adminUrl(database?: string): string;
  nats: { url: string; user: string; password: string };
  /** Everything the service is started with. */
  environmentOf(service: string): Record<string, string>;
  stop(): Promise<void>;
  /** Stops, and deletes the state folder and Postgres's files. */
  destroy(): Promise<void>;
}

const STORE_TIMEOUT_MS = 30_000;

/** Starts the stores, in parallel, and resolves when all of them answer. */
export async function startInfrastructure(options: InfrastructureOptions = {}): Promise<Infrastructure> {
  const installation = installationAt(options);
  const { stateDir } = installation;
  const { signal } = options;
  const services = selectServices(discoverServices(installation.root), options.services);
  prepareStateDir(stateDir);
  if (!options.record) await stopLeftovers(stateDir);
  const uses = redisUses(services);
  const programs = await findPrograms(
    programsFor(services).filter((program) => program !== "haproxy"),
    options.programs,
  );
  // A shop looks at all of its ports itself.
  if (!options.record) await checkPortsAreFree(namedStorePorts(installation, services));

  const secrets = new Secrets(stateDir);
  const ports = storePorts(installation);
  const record = options.record ?? new RunRecord(stateDir);
  const processes: SupervisedProcess[] = [];
  // Once everything runs, the order in which it stops is no longer the starter's business.
  const started = new AbortController();
  const run = async (spec: ProcessSpec) => {
    signal?.throwIfAborted();
    const process = new SupervisedProcess(spec, record, options.onChange ?? (() => {}));
    processes.push(process);
    options.processes?.push(process);
    signal?.addEventListener("abort", () => process.stop(), { once: true, signal: started.signal });
    process.start();
    await process.whenReady(STORE_TIMEOUT_MS);
  };
  const redis = programs["redis-server"];
  const outcomes = await Promise.allSettled([
    preparePostgres(stateDir, ports.postgres, secrets, options).then(run),
    run(prepareNats(programs["nats-server"], stateDir, ports, secrets, services)),
    ...uses.map((use) => run(prepareRedis(redis, stateDir, use, ports, secrets, services))),
  ]);
  started.abort();
  const stop = () => stopStores(processes);
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) {
    await stop();
    throw failure.reason;
  }
  return {
    installation,
    services,
    secrets,
    ports,
    processes,
    adminUrl: (database = "postgres") => postgresSocketUrl(POSTGRES_ADMIN, secrets, ports.postgres, stateDir, database),
    nats: { url: `nats://127.0.0.1:${ports.nats}`, user: NATS_ADMIN, password: secrets.get(`nats/${NATS_ADMIN}`) },
    environmentOf: (name) => {
      const [service] = selectServices(services, [name]);
      if (!service) throw new Error(`No service ${name}`);
      return processEnvironment(service, discoverServices(installation.root), installation, secrets, options);
    },
    stop,
    destroy: async () => {
      await stop();
      removeState(stateDir);
    },
  };
}

export function removeState(stateDir: string): void {
  removePostgres(stateDir);
  removeSocketFolder(stateDir);
  rmSync(stateDir, { recursive: true, force: true });
}

async function stopStores(processes: SupervisedProcess[]): Promise<void> {
  const isPostgres = ({ spec }: SupervisedProcess) => spec.service === "postgres";
  await Promise.all(processes.filter((process) => !isPostgres(process)).map((process) => process.stop()));
  await Promise.all(processes.filter(isPostgres).map((process) => process.stop()));
}
