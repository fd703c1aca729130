import type { ListAuditEntriesRequest, ListAuditEntriesResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { PageTokens, pageSize } from "@row/runtime/page-token.ts";
import { listAuditEntries as list } from "../audit-trail.ts";
import type { Auth } from "../auth.ts";

const tokens = new PageTokens("audit-entries", "");

export async function listAuditEntries(
  auth: Auth,
  request: ListAuditEntriesRequest,
): Promise<ListAuditEntriesResponse> {
  const size = pageSize(request.pageSize, 50, 200);
  const before = tokens.decodeId(request.pageToken);
  const entries = await list(auth.pool, before, size + 1);
  const auditEntries = entries.slice(0, size);
  const last = auditEntries.at(-1);
  return { auditEntries, nextPageToken: entries.length > size && last ? tokens.encode([last.id]) : "" };
}
