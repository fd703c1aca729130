import { randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { type Installation, installationAt } from "@row/laptop/installation.ts";
import { Secrets } from "@row/laptop/secrets.ts";
import type { ProcessStatus } from "@row/laptop/shop/shop-status.ts";
import { NATS_ADMIN } from "@row/laptop/stores/nats-configuration.ts";
import { storePorts } from "@row/laptop/stores/ports.ts";
import { postgresUrl } from "@row/laptop/stores/postgres.ts";
import { askProcess, askStatus } from "@row/laptop/supervisor/control-client.ts";
import { readTrustAnchor, type TrustAnchor } from "@row/mesh/identity/trust-anchor.ts";
import { identityOf } from "@row/runtime/names.ts";
import pg from "pg";
import { inject } from "vitest";
import type { DoorAnswer } from "../runner/shared-shop.ts";
import { Probe } from "./probe.ts";
import { expectOk, Rest } from "./rest.ts";

/** The shop that the test run shares between files (tests/runner/shared-shop.ts). */
export async function theShop(): Promise<TheShop> {
  const answer: DoorAnswer = JSON.parse(await text(connect(inject("shopDoor"))));
  if ("problem" in answer) throw new Error(answer.problem);
  return TheShop.at(installationAt(answer));
}

/** Somebody who has signed in. */
export interface Session {
  id: string;
  email: string;
  accessToken: string;
  refreshToken: string;
}

/** A running shop, seen from outside its processes. */
export class TheShop {
  readonly installation: Installation;
  readonly processes: readonly ProcessStatus[];
  readonly rest: Rest;
  readonly #secrets: Secrets;
  readonly #demoUsers = new Map<string, Promise<Session>>();
  #anchor: Promise<TrustAnchor> | undefined;
  readonly #credentials = new Map<string, Promise<ChannelCredentials>>();
  readonly #pools = new Map<string, pg.Pool>();

  private constructor(installation: Installation, processes: readonly ProcessStatus[]) {
    this.installation = installation;
    this.processes = processes;
    this.#secrets = new Secrets(installation.stateDir);
    this.rest = new Rest(`http://${this.address("edge", "http")}`);
  }

  static async at(installation: Installation): Promise<TheShop> {
    const { processes } = await askStatus(installation.stateDir);
    return new TheShop(installation, processes);
  }

  /** "host:port" of what a process serves. */
  address(name: string, kind = "grpc"): string {
    const address = this.processes.find((process) => process.name === name)?.addresses[kind];
    if (!address) throw new Error(`${name} has no ${kind} address`);
    return address;
  }

  /** Services that answer gRPC calls, the edge aside. */
  get services(): string[] {
    return this.processes.filter(({ name, addresses }) => addresses.grpc && name !== "edge").map(({ name }) => name);
  }

  /** A service, to be called with any bytes as anybody. */
  probe(name: string): Probe {
    const sidecar = this.processes.find((process) => process.name === name)?.addresses.mesh;
    if (!sidecar) return new Probe(this.address(name));
    return new Probe(this.address(name), {
      address: sidecar,
      identity: identityOf(name),
      credentialsOf: (account) => this.#credentialsOf(account),
    });
  }

  #credentialsOf(account: string): Promise<ChannelCredentials> {
    const known = this.#credentials.get(account) ?? this.#newCredentials(account);
    this.#credentials.set(account, known);
    return known;
  }

  // Made by whoever owns the shop: this test.
  async #newCredentials(account: string): Promise<ChannelCredentials> {
    this.#anchor ??= readTrustAnchor(join(this.installation.stateDir, "mesh/identity"));
    const anchor = await this.#anchor;
    const pem = Buffer.from((await anchor.issue({ account })).pem);
    return credentials.createSsl(readFileSync(anchor.certificatePath), pem, pem);
  }

  get demoPassword(): string {
    return this.#secrets.demoPassword;
  }

  /** A secret of this installation. */
  secret(name: string): string {
    return this.#secrets.get(name);
  }

  /** Where NATS is, and its operator's rights. */
  get infrastructure() {
    const url = `nats://127.0.0.1:${storePorts(this.installation).nats}`;
    return { nats: { url, user: NATS_ADMIN, password: this.secret(`nats/${NATS_ADMIN}`) } };
  }

  /** The processes as they are now. */
  async status(): Promise<readonly ProcessStatus[]> {
    return (await askStatus(this.installation.stateDir)).processes;
  }

  /** Opens an account and signs in. */
  async customer(): Promise<Session> {
    const email = `${randomUUIDv7()}@example.com`;
    const password = "correct horse battery";
    await this.rest.post("/v1/auth/register", { email, password, displayName: "Somebody" }).then(expectOk);
    return this.signIn(email, password);
  }

  /** A demo user, signed in: "alice", "merchant", "admin". */
  demoUser(name: string): Promise<Session> {
    const session = this.#demoUsers.get(name) ?? this.signIn(`${name}@example.com`, this.demoPassword);
    this.#demoUsers.set(name, session);
    return session;
  }

  async signIn(email: string, password: string): Promise<Session> {
    const { accessToken, refreshToken } = await this.rest.post("/v1/auth/login", { email, password }).then(expectOk);
    return { id: claimsOf(accessToken).sub, email, accessToken, refreshToken };
  }

  /** A service's database, as the service itself sees it. */
  database(service: string): pg.Pool {
    const known = this.#pools.get(service);
    if (known) return known;
    const url = postgresUrl(service, this.#secrets, storePorts(this.installation).postgres);
    const pool = new pg.Pool({ connectionString: url, max: 2, allowExitOnIdle: true });
    pool.on("error", () => {});
    this.#pools.set(service, pool);
    return pool;
  }

  /** Everything the card gateway answered, oldest first, by its own log. */
  async gatewayLog(): Promise<GatewayEntry[]> {
    const log = await fetch(`http://${this.address("card-gateway", "http")}/v1/log`);
    const lines = (await log.text()).split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  }

  /** Stops a process and leaves it stopped until `resume`. */
  async halt(name: string): Promise<void> {
    await askProcess(this.installation.stateDir, "stop", name);
  }

  async resume(name: string): Promise<void> {
    await askProcess(this.installation.stateDir, "start", name);
  }
}

/** What the card gateway's log says of one act. */
export interface GatewayEntry {
  action: "authorize" | "capture" | "void" | "refund";
  reference: string;
  outcome: "applied" | "unchanged" | "refused";
  charge?: { status: string; amountMinor?: string };
}

/** What an access token says, without a check. */
export function claimsOf(accessToken: string): { sub: string; exp: number; roles: string[] } {
  return JSON.parse(Buffer.from(accessToken.split(".")[1] ?? "", "base64url").toString());
}
