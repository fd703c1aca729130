/** Reads the commands of a document, runs them as a reader would, and compares what they print with what it says. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A command of a ```console block: what follows "$ ", and the lines that it is said to print. */
export interface DocumentedCommand {
  /** Of the document, from 1. */
  readonly line: number;
  /** With its heredoc, where it has one. */
  readonly command: string;
  /** "…" stands for anything within a line; a line of nothing else for any lines, or none. */
  readonly output: readonly string[];
}

export function readCommands(document: string): DocumentedCommand[] {
  const commands: { line: number; command: string; output: string[] }[] = [];
  let isConsole = false;
  let heredocEnd: string | undefined;
  for (const [index, text] of document.split("\n").entries()) {
    const last = commands.at(-1);
    if (!isConsole) isConsole = text === "```console";
    else if (heredocEnd !== undefined && last) {
      last.command += `\n${text}`;
      if (text === heredocEnd) heredocEnd = undefined;
    } else if (text === "```") isConsole = false;
    else if (text.startsWith("$ ")) {
      commands.push({ line: index + 1, command: text.slice(2), output: [] });
      heredocEnd = /<<-?\s*['"]?(\w+)['"]?/.exec(text)?.[1];
    } else if (last) last.output.push(text);
  }
  if (isConsole) throw new Error("The last ```console block has no end");
  return commands;
}

/** Whether the lines are those that the document shows. */
export function isAsDocumented(expected: readonly string[], lines: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return lines.length === 0;
  if (first === "…") {
    return Array.from({ length: lines.length + 1 }, (_, skipped) => skipped).some((skipped) =>
      isAsDocumented(rest, lines.slice(skipped)),
    );
  }
  const [line, ...others] = lines;
  return line !== undefined && patternOf(first).test(line) && isAsDocumented(rest, others);
}

function patternOf(line: string): RegExp {
  return new RegExp(`^${line.split("…").map(RegExp.escape).join(".*")}$`);
}

/** One bash for all commands, so that what one sets the next one has. */
export class Shell {
  readonly #bash: ChildProcessWithoutNullStreams;
  readonly #folder = mkdtempSync(join(tmpdir(), "row-shell-"));
  readonly #mark = randomUUID();
  #output = "";
  #onOutput: () => void = () => {};

  /** @param prelude run first, such as functions that stand for commands */
  constructor(cwd: string, env: Record<string, string>, prelude = "") {
    this.#bash = spawn("bash", ["--noprofile", "--norc"], { cwd, env: { ...process.env, ...env } });
    this.#bash.stdout.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString();
      this.#onOutput();
    });
    this.#bash.stdin.write(`exec 2>&1\n${prelude}\n`);
  }

  /** What it prints on standard output and standard error, line by line. */
  run(command: string): Promise<string[]> {
    const file = join(this.#folder, "command");
    writeFileSync(file, `${command}\n`);
    return new Promise((resolve, reject) => {
      const gone = (code: number | null) => reject(new Error(`bash ended with exit code ${code}: ${this.#output}`));
      this.#bash.once("exit", gone);
      this.#onOutput = () => {
        const end = this.#output.indexOf(this.#mark);
        if (end < 0) return;
        const printed = this.#output.slice(0, end);
        this.#output = "";
        this.#bash.off("exit", gone);
        resolve(printed === "" ? [] : printed.replace(/\n$/, "").split("\n"));
      };
      // Not from standard input itself, which a command may read.
      this.#bash.stdin.write(`. '${file}' </dev/null; printf %s ${this.#mark}\n`);
    });
  }

  close(): void {
    this.#bash.stdin.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
