import type { ListAuditEntriesRequest, ListAuditEntriesResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { PageTokens, pageSize } from "@row/runtime/page-token.ts";
import { readAuditTrail } from "../audit-trail.ts";
import type { Dependencies } from "../dependencies.ts";

const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 200;
const tokens = new PageTokens("audit-entries", "");

export function listAuditEntries({ pool }: Dependencies) {
  return async (request: ListAuditEntriesRequest): Promise<ListAuditEntriesResponse> => {
    const size = pageSize(request.pageSize, DEFAULT_PAGE, LARGEST_PAGE);
    const before = tokens.decodeId(request.pageToken);
    const entries = await readAuditTrail(pool, before, size + 1);
    const { rows: auditEntries, nextPageToken } = tokens.page(entries, size, ({ id }) => [id]);
    return { auditEntries, nextPageToken };
  };
}
