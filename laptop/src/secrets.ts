import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "@row/topology/replace-file.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";

/** The generated passwords and keys of one installation, made on first use and kept in secrets.json (0600). */
export class Secrets {
  readonly #file: string;
  #values: Record<string, string>;

  constructor(stateDir: string) {
    this.#file = join(stateDir, "secrets.json");
    this.#values = readSecrets(this.#file);
  }

  /** A secret by name, such as `postgres/orders`: the same in every run, and never in the repository. */
  get(name: string): string {
    return this.#keep(name, () => randomBytes(32).toString("base64url"));
  }

  /** The password of every demo user: short enough to type, and generated like any other. */
  get demoPassword(): string {
    return this.#keep("demo/password", () => `row-${readable(4)}-${readable(4)}-${readable(4)}`);
  }

  #keep(name: string, make: () => string): string {
    const known = this.#values[name];
    if (known !== undefined) return known;
    const made = make();
    this.#values = { ...this.#values, [name]: made };
    replaceFile(this.#file, `${JSON.stringify(this.#values, null, 2)}\n`);
    return made;
  }
}

function readSecrets(file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return {};
    throw new RowError(`Cannot read ${file}: ${messageOf(error)}`);
  }
}

// Without the letters and digits that look alike; 32 of them, so that every byte maps evenly.
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";

function readable(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join("");
}
