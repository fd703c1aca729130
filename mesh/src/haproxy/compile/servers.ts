/** Which endpoints get no calls when a process starts: a file in the form of HAProxy's "show servers state", apart from the configuration. */

/** An endpoint of one backend. */
export interface Server {
  readonly backend: string;
  readonly server: string;
  readonly port: number;
  readonly isReady: boolean;
}

/** The file's name in the sidecar's folder. */
export const SERVERS_FILE = "servers.state";

const VERSION = 1;
const COLUMNS = [
  ["be_id", "be_name", "srv_id", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state", "srv_uweight"],
  ["srv_iweight", "srv_time_since_last_change", "srv_check_status", "srv_check_result", "srv_check_health"],
  ["srv_check_state", "srv_agent_state", "bk_f_forced_id", "srv_f_forced_id", "srv_fqdn", "srv_port", "srvrecord"],
  ["srv_use_ssl", "srv_check_port", "srv_check_addr", "srv_agent_addr", "srv_agent_port"],
].flat();
/** As `set server … state maint` leaves it, so that `state ready` takes it back. */
const FORCED_MAINTENANCE = 1;

/** Those that are in need no line: what the file does not name starts as the configuration has it. */
export function serversText(servers: readonly Server[]): string {
  const lines = servers.filter(({ isReady }) => !isReady).map(lineOf);
  return `${VERSION}\n# ${COLUMNS.join(" ")}\n${lines.join("")}`;
}

function lineOf({ backend, server, port }: Server): string {
  // Port and TLS are taken over, whatever the configuration says; names tell backends and servers apart, so ids are 0.
  const said: Readonly<Record<string, string | number>> = {
    be_name: backend,
    srv_name: server,
    srv_addr: "127.0.0.1",
    srv_admin_state: FORCED_MAINTENANCE,
    srv_uweight: 1,
    srv_iweight: 1,
    srv_port: port,
    srv_use_ssl: 1,
    srv_fqdn: "-",
    srvrecord: "-",
    srv_check_addr: "-",
    srv_agent_addr: "-",
  };
  return `${COLUMNS.map((column) => said[column] ?? 0).join(" ")}\n`;
}
