/** What differs between two configurations of one sidecar, and whether it can be changed without a reload. */
import { CONFIGURATION_FILE, type CompiledSidecar } from "./compile.ts";

/** What the stats socket can do. The files are to be written as well, so that the next start agrees. */
export interface RuntimeChanges {
  /** Map entries that are new or different: `set map`. */
  readonly weights: Readonly<Record<string, number>>;
  /** Servers to be made ready, or to be taken out: `set server <backend>/<server> state ready|maint`. */
  readonly readiness: readonly { readonly backend: string; readonly server: string; readonly isReady: boolean }[];
  /** Files with another text; none when nothing at all is different. */
  readonly files: readonly string[];
}

/** undefined when only a reload can bring it about. */
export function runtimeChanges(from: CompiledSidecar, to: CompiledSidecar): RuntimeChanges | undefined {
  const changed = [...new Set([...Object.keys(from.files), ...Object.keys(to.files)])].filter(
    (name) => from.files[name] !== to.files[name],
  );
  const isLoaded = (name: string) => name.endsWith(".http");
  const isSameSetup = withoutReadiness(from) === withoutReadiness(to) && !changed.some(isLoaded);
  if (!isSameSetup) return undefined;
  return {
    weights: Object.fromEntries(Object.entries(to.weights).filter(([name, weight]) => from.weights[name] !== weight)),
    readiness: Object.entries(to.backends).flatMap(([backend, servers]) => {
      const before = new Map(from.backends[backend]?.map(({ server, isReady }) => [server, isReady]));
      return servers
        .filter(({ server, isReady }) => before.get(server) !== isReady)
        .map(({ server, isReady }) => ({ backend, server, isReady }));
    }),
    files: changed,
  };
}

function withoutReadiness({ files }: CompiledSidecar): string {
  return files[CONFIGURATION_FILE]?.replaceAll(/^( +server .*) disabled$/gm, "$1") ?? "";
}
