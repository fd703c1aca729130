import { resolve } from "node:path";
import { RowError } from "@row/topology/row-error.ts";

/** One shop on this machine: the code it runs, where its state lives and which ports it takes. */
export interface Installation {
  /** The folder that holds services/, edge/, runtime/ and gen/. */
  root: string;
  stateDir: string;
  portBase: number;
}

/** The port base that declared ports are written for: a service declared on 5056 listens on 5056 by default. */
export const DECLARED_PORT_BASE = 5000;

const HIGHEST_OFFSET = 3100;
/** From here on Linux gives ports to outgoing connections (net.ipv4.ip_local_port_range), and one may be taken at any start. */
const FIRST_EPHEMERAL = 32_768;
const HIGHEST_SAFE_BASE = FIRST_EPHEMERAL - HIGHEST_OFFSET - 1;
const projectRoot = resolve(import.meta.dirname, "../..");

export function installationAt(place: Partial<Installation>): Installation {
  const root = resolve(place.root ?? projectRoot);
  return {
    root,
    stateDir: resolve(root, place.stateDir ?? ".row"),
    portBase: place.portBase ?? DECLARED_PORT_BASE,
  };
}

export function installationFrom(env: NodeJS.ProcessEnv): Installation {
  return installationAt({
    root: env.ROW_ROOT || undefined,
    stateDir: env.ROW_STATE_DIR || undefined,
    portBase: portBaseFrom(env.ROW_PORT_BASE),
  });
}

function portBaseFrom(value: string | undefined): number | undefined {
  if (!value) return undefined;
  const base = Number(value);
  if (!Number.isInteger(base) || base < 1024 || base + HIGHEST_OFFSET > 65535) {
    throw new RowError(
      `Cannot use ROW_PORT_BASE=${value}: it must be a whole number from 1024 to ${65535 - HIGHEST_OFFSET}`,
    );
  }
  return base;
}

/** What to say of a port base that may do, but not always. */
export function portBaseWarning({ portBase }: Installation): string | undefined {
  if (portBase <= HIGHEST_SAFE_BASE) return undefined;
  return `ROW_PORT_BASE=${portBase} gives services ports from ${FIRST_EPHEMERAL} on, which any outgoing connection may hold: 1024 to ${HIGHEST_SAFE_BASE} is safe`;
}

/** Where a port declared for the default base really is in this installation. */
export function realPort(installation: Installation, declared: number): number {
  return declared - DECLARED_PORT_BASE + installation.portBase;
}
