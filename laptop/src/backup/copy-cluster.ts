import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RowError } from "@row/topology/row-error.ts";
import { Client } from "pg";
import { copyTree } from "./copy-files.ts";

/** What a copy does not need, as pg_basebackup leaves it out; of these folders, what is in them. */
const LEFT_OUT =
  /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/|^(postmaster\.(pid|opts)|backup_label|tablespace_map|backup_manifest)$|(^|\/)(pgsql_tmp.*|pg_internal\.init.*)$|^global\/pg_control$/;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Copies all databases of a running Postgres as they are at one instant, the end of the copy: the files while they change,
 * and the write-ahead log that makes them whole when the copy is first started. `atTheEnd` is called with a function that
 * sets that instant.
 */
export async function copyCluster(
  adminUrl: string,
  data: string,
  to: string,
  atTheEnd: (finish: () => Promise<void>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const admin = new Client({ connectionString: adminUrl, application_name: "row backup" });
  admin.on("error", () => {}); // the query in hand fails, and says so itself
  await admin.connect();
  try {
    // As long as this session lasts, no log that the copy needs is recycled.
    await admin.query("select pg_create_physical_replication_slot($1, true, true)", [`row_backup_${process.pid}`]);
    const { rows: starts } = await admin.query<{ segment: string }>(
      "select pg_walfile_name(pg_backup_start('row backup', fast => true)) as segment",
    );
    await copyTree(data, to, (path) => LEFT_OUT.test(path), signal);
    await writeFile(join(to, "global/pg_control"), await readWhole(join(data, "global/pg_control")));
    let last = "";
    await atTheEnd(async () => {
      // Not waited for any longer, since what is held meanwhile must go on.
      await admin.query(`set statement_timeout = ${STOP_TIMEOUT_MS}`);
      const { rows } = await admin.query<{ segment: string; label: string }>(
        "select pg_walfile_name(lsn) as segment, labelfile as label from pg_backup_stop(wait_for_archive => false)",
      );
      last = rows[0]?.segment ?? "";
      await writeFile(join(to, "backup_label"), rows[0]?.label ?? "");
    });
    await copyLog(join(data, "pg_wal"), join(to, "pg_wal"), starts[0]?.segment ?? "", last);
  } finally {
    await admin.end();
  }
}

// A switch ends the last segment with the copy, so nothing that happened later is in it.
async function copyLog(from: string, to: string, first: string, last: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const segments = (await readdir(from)).filter((name) => /^[0-9A-F]{24}$/.test(name) && name >= first && name <= last);
  if (!segments.includes(first) || !segments.includes(last))
    throw new RowError("Cannot back up Postgres: its log of the time of the copy is gone");
  for (const name of segments) await copyFile(join(from, name), join(to, name));
}

// It is overwritten in place: what was read twice alike was not torn.
async function readWhole(file: string): Promise<Buffer> {
  for (let before = await readFile(file); ; ) {
    await sleep(5);
    const again = await readFile(file);
    if (again.equals(before)) return again;
    before = again;
  }
}
