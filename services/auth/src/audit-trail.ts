import type { AuditEntry } from "@row/gen/grpc/shop/auth/v1/audit_entry.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";

interface Row {
  id: string;
  time: Date;
  actor: string;
  action: string;
  target: string;
  correlation_id: string;
}

// The ids are UUIDv7, so their order is that of time.
const selectEntries = statement<Row>(
  "list-audit-entries",
  `SELECT id, time, actor, action, target, correlation_id FROM runtime.audit
  WHERE id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') ORDER BY id DESC LIMIT $2`,
);

/** Entries older than the one with this id, or from the newest on; newest first. */
export async function readAuditTrail(db: Queryable, before: string | undefined, limit: number): Promise<AuditEntry[]> {
  const rows = await selectEntries(db, [before, limit]);
  return rows.map(({ id, time, actor, action, target, correlation_id }) => {
    return { id, createTime: time, actor, action, target, correlationId: correlation_id };
  });
}
