/** The files by which a test tells running services where to die (CRASH_LIST, see runtime/src/crash-points.ts). */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class CrashLists {
  readonly #folder = mkdtempSync(join(tmpdir(), "row-crash-"));

  /** What the services must be started with. */
  environment(services: readonly string[]): Record<string, Record<string, string>> {
    return Object.fromEntries(services.map((service) => [service, { CRASH_LIST: this.#file(service) }]));
  }

  /** Makes the service die when it next comes to the point. */
  arm(service: string, point: string): void {
    const file = this.#file(service);
    writeFileSync(`${file}.new`, point);
    renameSync(`${file}.new`, file);
  }

  /** Whether the service has come to the point: whoever dies there takes it off the list first. */
  isHit(service: string, point: string): boolean {
    const file = this.#file(service);
    return existsSync(file) && !readFileSync(file, "utf8").split("\n").includes(point);
  }

  /** Nobody dies any more. */
  disarm(service: string): void {
    rmSync(this.#file(service), { force: true });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(service: string): string {
    return join(this.#folder, service);
  }
}
