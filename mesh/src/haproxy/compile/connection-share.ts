/**
 * No address holds more than half of a listener's connections: somebody is always left room. Where everybody comes from one address,
 * as behind a load balancer or on a laptop, they share that half, and unused connections end by themselves.
 */
import { type Line, section } from "./section.ts";

const TABLE = "share:connections";

/** Lines of a listener with room for so many. */
export function connectionShare(most: number): Line[] {
  return [
    `maxconn ${most}`,
    `tcp-request connection track-sc2 src table ${TABLE}`,
    `tcp-request connection reject if { sc2_conn_cur gt ${Math.floor(most / 2)} }`,
  ];
}

/** Where they are counted. */
export const CONNECTIONS_TABLE = section("Connections, by address", `backend ${TABLE}`, [
  "stick-table type ip size 10k expire 1m store conn_cur",
]);
