import assert from "node:assert/strict";
import { test } from "vitest";
import { parseInfo, parseStatistics } from "./statistics.ts";

const HEADING = "# pxname,svname,last_chk,qcur,scur,econ,wretr,status,type,lbtot,hrsp_5xx,req_tot,";

test("reads counters by their columns' names", () => {
  const [backend, server] = parseStatistics(
    `${HEADING}\ncatalog:r:0:catalog-v1,BACKEND,,1,2,3,4,UP,1,50,6,57,\ncatalog:r:0:catalog-v1,catalog-v1-1,,0,1,0,0,MAINT,2,50,0,,\n`,
  );
  assert.deepEqual(
    [backend?.type, backend?.proxy, backend?.status, backend?.qcur, backend?.req_tot, backend?.hrsp_5xx],
    ["backend", "catalog:r:0:catalog-v1", "UP", 1, 57, 6],
  );
  assert.deepEqual(
    [server?.type, server?.server, server?.status, server?.lbtot],
    ["server", "catalog-v1-1", "MAINT", 50],
  );
  assert.equal(server?.req_tot, 0, "a counter that servers do not have");
});

test("a check's message may hold commas and quotes", () => {
  const [server] = parseStatistics(`${HEADING}\nb,s1,"refused, ""at"" initial connection",0,0,7,0,DOWN,2,0,0,,\n`);
  assert.deepEqual([server?.econ, server?.status], [7, "DOWN"]);
});

test("what is not statistics is refused", () => {
  assert.throws(() => parseStatistics("Unknown command\n"), /has no heading/);
  assert.throws(() => parseInfo("Name: HAProxy\n"), /has no Pid/);
});
