/** What a sidecar's folder holds. */
import type { CompiledSidecar } from "./compile.ts";
import { SERVERS_FILE, serversText } from "./servers.ts";
import { WEIGHTS_FILE, weightsText } from "./weights.ts";

export const CONFIGURATION_FILE = "haproxy.cfg";
export const SERVICE_CONFIG_FILE = "service-config.json";

/** Every file that a sidecar starts with, by its name. */
export function sidecarFiles(compiled: CompiledSidecar): Readonly<Record<string, string>> {
  const { configuration, errorFiles, weights, serviceConfig, servers } = compiled;
  return {
    [CONFIGURATION_FILE]: configuration,
    ...errorFiles,
    [WEIGHTS_FILE]: weightsText(weights),
    [SERVERS_FILE]: serversText(servers),
    [SERVICE_CONFIG_FILE]: serviceConfig,
  };
}
