// Prints what became of each test file, and ends with `N passed, N failed`: failed are tests, hooks and files that could not be
// loaded, errors that came late, and in CI skips for a reason that is not on the list.
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule, TestRunEndReason, TestSuite, Vitest } from "vitest/node";
import { ALLOWED_SKIPS } from "./allowed-skips.ts";

interface Failure {
  readonly where: string;
  readonly text: string;
}

export default class RowReporter implements Reporter {
  #vitest: Vitest | undefined;
  #passed = 0;
  #failures: Failure[] = [];
  #files = 0;
  #startedAt = 0;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    // Whatever else may be printed at the end, this is last; and what broke before it could be counted is a failure all the same.
    if (!vitest.config.watch) process.once("exit", () => this.#conclude());
  }

  onTestRunStart(): void {
    this.#passed = 0;
    this.#failures = [];
    this.#files = 0;
    this.#startedAt = performance.now();
  }

  onTestModuleEnd(module: TestModule): void {
    const file = this.#pathOf(module);
    const tests = [...module.children.allTests()];
    const passed = tests.filter((test) => test.result().state === "passed").length;
    const failures = [...failuresIn(module), ...this.#refusedSkips(tests)].map(({ where, text }) => ({
      where: where ? `${file}: ${where}` : file,
      text,
    }));
    const skipped = this.#skipped(tests);
    this.#files += 1;
    this.#passed += passed;
    this.#failures.push(...failures);
    const counts = [
      `${passed} passed`,
      ...(failures.length > 0 ? [`${failures.length} failed`] : []),
      ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
    ];
    const seconds = (module.diagnostic().duration / 1_000).toFixed(1);
    console.log(`${failures.length > 0 ? "✖" : "✔"} ${file.padEnd(58)} ${counts.join(", ")} (${seconds} s)`);
    for (const test of skipped) console.log(`    skipped: ${test.fullName}: ${reasonOf(test)}`);
    for (const test of tests)
      for (const { message } of test.annotations()) console.log(`    ${test.fullName}: ${message}`);
    for (const { where, text } of failures) console.log(indent(`${where}\n${indent(text)}`));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    for (const error of errors) {
      const failure = { where: "an error that no test caught", text: explain(error) };
      this.#failures.push(failure);
      console.log(indent(`${failure.where}\n${indent(failure.text)}`));
    }
    // A file whose process died has not ended; mostly vitest has said so by an error.
    const unended = modules.filter((module) => ["pending", "queued"].includes(module.state()));
    if (errors.length === 0 && reason !== "interrupted")
      for (const module of unended) this.#failures.push({ where: this.#pathOf(module), text: "It did not end" });
    if (reason === "interrupted") console.log("Interrupted: not every file ran");
    if (this.#passed === 0 && this.#failures.length === 0) console.log("No test ran: no file or name is like that");
    if (this.#failures.length > 0) {
      process.exitCode = 1;
      console.log("\nWhat failed:");
      for (const { where } of this.#failures) console.log(`  ${where}`);
    }
    console.log(`\n${this.#files} files in ${((performance.now() - this.#startedAt) / 1_000).toFixed(1)} s`);
    if (this.#vitest?.config.watch) this.#conclude();
  }

  #conclude(): void {
    const failed = this.#failures.length || (process.exitCode || this.#passed === 0 ? 1 : 0);
    if (failed) process.exitCode ||= 1;
    console.log(`${this.#passed} passed, ${failed} failed`);
  }

  #pathOf(module: TestModule): string {
    return relative(this.#vitest?.config.root ?? "", module.moduleId);
  }

  /** Without those that a name pattern (-t) leaves out, and those whose hooks failed, which have said so. */
  #skipped(tests: readonly TestCase[]): TestCase[] {
    const isFiltered = this.#vitest?.config.testNamePattern !== undefined;
    return tests.filter((test) => {
      const result = test.result();
      return result.state === "skipped" && !(isFiltered && !result.note) && !isBelowAFailure(test);
    });
  }

  #refusedSkips(tests: readonly TestCase[]): Failure[] {
    if (!process.env.CI) return [];
    return this.#skipped(tests)
      .filter((test) => !ALLOWED_SKIPS.some((allowed) => allowed.test(reasonOf(test))))
      .map((test) => ({
        where: test.fullName,
        text: `It is skipped: ${reasonOf(test)}. tests/runner/allowed-skips.ts does not list this reason`,
      }));
  }
}

function* failuresIn(parent: TestModule | TestSuite): Generator<Failure> {
  const where = parent.type === "suite" ? parent.fullName : "";
  for (const error of parent.errors()) yield { where, text: explain(error) };
  for (const child of parent.children) {
    if (child.type === "suite") yield* failuresIn(child);
    else if (child.result().state === "failed")
      yield { where: child.fullName, text: (child.result().errors ?? []).map(explain).join("\n") };
  }
}

function isBelowAFailure({ parent }: TestCase | TestSuite): boolean {
  return parent.errors().length > 0 || (parent.type === "suite" && isBelowAFailure(parent));
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" && result.note) || "no reason given";
}

/** What an error says and where it comes from, without the lines of Node and of vitest. */
function explain(error: SerializedError): string {
  const lines = stripVTControlCharacters(error.stack || error.message).split("\n");
  const own = lines.filter((line) => !/^\s+at .*(\(?node:|node_modules\/vitest\/)/.test(line)).join("\n");
  const cause = error.cause ? `\ncaused by ${explain(error.cause as SerializedError)}` : "";
  return own.replaceAll(/\?vitest=\d+/g, "") + cause;
}

function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}
