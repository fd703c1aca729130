/** What a load needs of an installation: where its edge is, and who its people are. */
import type { LoadJob, LoadWish } from "@row/load/load-job.ts";
import type { Secrets } from "../secrets.ts";

/** @param edge "127.0.0.1:8080" */
export function loadJobOf(wish: LoadWish, edge: string, secrets: Secrets): LoadJob {
  const account = (name: string) => ({ email: `${name}@example.com`, password: secrets.demoPassword });
  return {
    ...wish,
    edge,
    customers: [account("alice"), account("bob")],
    merchant: account("merchant"),
    key: secrets.get("edge/load-key"),
  };
}
