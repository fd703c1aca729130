/** Changes a running sidecar without a reload: HAProxy's runtime API over its stats socket. */
import { X509Certificate } from "node:crypto";
import { giveCommand, giveCommands } from "./command.ts";
import { type Info, parseInfo, parseMap, parseServers, parseStatistics, type Statistics } from "./statistics.ts";

/** "ready" takes calls, "drain" takes no new ones, "maint" is as good as gone. */
export type ServerState = "ready" | "drain" | "maint";

/** A server of a backend and what it is to be. */
export interface ServerChange {
  readonly backend: string;
  readonly server: string;
  readonly state: ServerState;
}

/** What a worker does now of what can be changed without a reload. */
export interface Doings {
  /** By "backend/server": whether it is in maintenance. */
  readonly servers: ReadonlyMap<string, boolean>;
  /** What the map holds; nothing where the configuration does not name it. */
  readonly entries: Readonly<Record<string, string>>;
  /** The certificate's serial number, hexadecimal in upper case; undefined where the configuration does not name it. */
  readonly serial: string | undefined;
}

/** One sidecar. Every method rejects with an error that names the command and HAProxy's own words. */
export class RuntimeApi {
  readonly #socket: string;

  constructor(statsSocket: string) {
    this.#socket = statsSocket;
  }

  /** Sets whether calls go to a server; those in flight go on. */
  async setServerState(backend: string, server: string, state: ServerState): Promise<void> {
    await this.#silent(setServer(backend, server, state));
  }

  /** The same for many, over one connection; rejects after all of them were tried when one is refused. */
  async setServerStates(changes: readonly ServerChange[]): Promise<void> {
    if (changes.length === 0) return;
    const commands = changes.map(({ backend, server, state }) => setServer(backend, server, state));
    const answers = await giveCommands(this.#socket, commands);
    const refusal = answers.findIndex((answer) => answer !== "");
    if (refusal >= 0) throw refused(commands[refusal] ?? "", answers[refusal] ?? "");
  }

  /** What it does now, asked over one connection. */
  async doings(map: string, certificate: string): Promise<Doings> {
    const [states = "", entries = "", shown = ""] = await giveCommands(this.#socket, [
      "show servers state",
      `show map ${word(map)}`,
      `show ssl cert ${word(certificate)}`,
    ]);
    return { servers: parseServers(states), entries: parseMap(entries), serial: serialIn(shown) };
  }

  /** Sets entries of a map that the configuration names by this very path; others stay. The file is left alone. */
  async setMapEntries(file: string, entries: Readonly<Record<string, string>>): Promise<void> {
    for (const [key, value] of Object.entries(entries)) {
      const rest = `map ${word(file)} ${word(key)} ${word(value)}`;
      const answer = await giveCommand(this.#socket, `set ${rest}`);
      if (answer === "entry not found.") await this.#silent(`add ${rest}`);
      else if (answer !== "") throw refused(`set ${rest}`, answer);
    }
  }

  /** Replaces all entries of a map in one step: no call sees some of the old and some of the new. */
  async replaceMap(file: string, entries: Readonly<Record<string, string>>): Promise<void> {
    const path = word(file);
    const prepared = await this.#expecting(`prepare map ${path}`, /New version created: \d+/);
    const version = `@${/\d+/.exec(prepared)?.[0]}`;
    const lines = Object.entries(entries).map(([key, value]) => `${word(key)} ${word(value)}`);
    if (lines.length > 0) await this.#silent(`add map ${version} ${path}`, lines.join("\n"));
    await this.#silent(`commit map ${version} ${path}`);
  }

  /**
   * Replaces a certificate and its key, that listeners offer and servers are shown; connections that exist keep the
   * old one, and so would resumed TLS sessions where a server lacks `no-ssl-reuse`. The path is that of the
   * configuration. The file is left alone: write it first, so that a reload agrees.
   */
  async replaceCertificate(path: string, pem: string): Promise<void> {
    const file = word(path);
    const { serialNumber } = new X509Certificate(pem);
    await this.#expecting(`set ssl cert ${file}`, /Transaction (created|updated)/, pem);
    try {
      await this.#expecting(`commit ssl cert ${file}`, /Success!/);
    } catch (error) {
      await giveCommand(this.#socket, `abort ssl cert ${file}`);
      throw error;
    }
    const serial = await this.certificateSerial(path);
    if (serial !== serialNumber) {
      throw new Error(`Cannot replace the certificate ${path}: HAProxy still has ${serial} instead of ${serialNumber}`);
    }
  }

  /** The serial number of the certificate in use, hexadecimal in upper case. */
  async certificateSerial(path: string): Promise<string> {
    const shown = await this.#expecting(`show ssl cert ${word(path)}`, /^Serial: [0-9A-F]+$/m);
    return serialIn(shown) ?? "";
  }

  async showStat(): Promise<Statistics[]> {
    return parseStatistics(await this.#expecting("show stat", /^# pxname/));
  }

  async showInfo(): Promise<Info> {
    return parseInfo(await this.#expecting("show info", /^Name: /));
  }

  /** For commands that say something only when they fail. */
  async #silent(command: string, payload?: string): Promise<void> {
    await this.#expecting(command, /^$/, payload);
  }

  async #expecting(command: string, success: RegExp, payload?: string): Promise<string> {
    const answer = await giveCommand(this.#socket, command, payload);
    if (!success.test(answer)) throw refused(command, answer);
    return answer;
  }
}

function setServer(backend: string, server: string, state: ServerState): string {
  return `set server ${word(backend)}/${word(server)} state ${state}`;
}

function serialIn(certificate: string): string | undefined {
  return /^Serial: (.*)$/m.exec(certificate)?.[1];
}

function refused(command: string, answer: string): Error {
  return new Error(
    `Cannot give HAProxy "${command}": ${answer.split("\n").slice(0, 3).join(" ") || "it says nothing"}`,
  );
}

/** Arguments are separated by spaces. */
function word(argument: string): string {
  if (argument === "" || /[\s;\\]/.test(argument)) {
    throw new Error(`Cannot give HAProxy "${argument}": an argument holds no spaces, semicolons or backslashes`);
  }
  return argument;
}
