/** The files that one sidecar runs on. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CompiledSidecar } from "@row/mesh/haproxy/compile/compile.ts";
import { CONFIGURATION_FILE, SERVICE_CONFIG_FILE, sidecarFiles } from "@row/mesh/haproxy/compile/files.ts";
import { WEIGHTS_FILE, weightsText } from "@row/mesh/haproxy/compile/weights.ts";
import { checkConfiguration } from "@row/mesh/haproxy/data-plane/check-configuration.ts";
import type { SidecarPaths } from "@row/mesh/haproxy/workload.ts";
import { replaceFile } from "@row/topology/replace-file.ts";

const DRAFT = `${CONFIGURATION_FILE}.next`;

export class SidecarFolder {
  readonly #paths: SidecarPaths;

  constructor(paths: SidecarPaths) {
    this.#paths = paths;
  }

  get configuration(): string {
    return this.#file(CONFIGURATION_FILE);
  }

  get weights(): string {
    return this.#file(WEIGHTS_FILE);
  }

  /** PEM */
  readCertificate(): string {
    return readFileSync(this.#paths.certificate, "utf8");
  }

  /** Everything that a process starts with. */
  write(compiled: CompiledSidecar): void {
    this.#writeAll(sidecarFiles(compiled));
  }

  writeWeights({ weights }: CompiledSidecar): void {
    this.#writeAll({ [WEIGHTS_FILE]: weightsText(weights) });
  }

  writeServiceConfig({ serviceConfig }: CompiledSidecar): void {
    this.#writeAll({ [SERVICE_CONFIG_FILE]: serviceConfig });
  }

  /**
   * Rejects, in HAProxy's words, when a process could not run like this.
   * @param isFirst whether nothing has been written yet: the check reads the other files too
   */
  async check(program: string, compiled: CompiledSidecar, isFirst: boolean): Promise<void> {
    const { [CONFIGURATION_FILE]: configuration = "", ...others } = sidecarFiles(compiled);
    this.#writeAll({ ...(isFirst && others), [DRAFT]: configuration });
    try {
      await checkConfiguration(program, this.#file(DRAFT));
    } finally {
      rmSync(this.#file(DRAFT), { force: true });
    }
  }

  #writeAll(files: Readonly<Record<string, string>>): void {
    mkdirSync(this.#paths.folder, { recursive: true, mode: 0o700 });
    for (const [name, text] of Object.entries(files)) {
      const file = this.#file(name);
      replaceFile(file, text);
    }
  }

  #file(name: string): string {
    return join(this.#paths.folder, name);
  }
}
