/** Finds the highest load, then disturbs the shop under half of it and judges every call that failed. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Shop } from "@row/laptop/shop/shop.ts";
import { isCallable } from "@row/topology/service-manifest.ts";
import { DEMO_PRODUCTS } from "../../chaos/demo-shelf.ts";
import { edgeOf, signIn } from "../../chaos/rest-door.ts";
import { orderOf } from "../../harness/ordering.ts";
import { expectOk } from "../../harness/rest.ts";
import { violationsIn } from "../../invariants/invariants.ts";
import { readEvidence } from "../../invariants/read-evidence.ts";
import { settle } from "../../invariants/settle.ts";
import { Disturbing } from "./disturb.ts";
import { planDisturbances } from "./disturbance-plan.ts";
import type { CallCount, Failure, LoadJob } from "./load-job.ts";
import { runInProcess } from "./load-process.ts";
import { type Happening, type JudgedFailure, judge } from "./verdict.ts";

export interface CampaignOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly probeSeconds: number;
  /** How many services lose an app; all when absent. */
  readonly kills?: number;
}

export interface CampaignResult {
  /** Calls a second that were answered with as many callers as it takes. */
  readonly highest: number;
  /** Calls that failed while the highest was looked for, with more callers than can be answered in time. */
  readonly overloaded: Readonly<Record<string, number>>;
  readonly rate: number;
  /** How late the latest call began, in milliseconds. */
  readonly latestMs: number;
  readonly calls: Readonly<Record<string, CallCount>>;
  /** Weights that were set, and the longest that took. */
  readonly weightChanges: number;
  readonly longestWeightChangeMs: number;
  readonly certificates: number;
  /** Kills, drains and returns, in milliseconds since the load began. */
  readonly happenings: readonly { what: string; atMs: number; tookMs: number }[];
  /** In milliseconds since the load began. */
  readonly failures: readonly (Omit<JudgedFailure, "startedAt" | "endedAt"> & { atMs: number; tookMs: number })[];
  /** What should not be; the campaign holds when there is nothing. */
  readonly problems: readonly string[];
}

/** Redelivery after a lost acknowledgement takes 30 s, sometimes twice. */
const SETTLE_MS = 90_000;
/** The load's process has started by then. */
const START_MS = 3_000;

export async function runCampaign(
  shop: Shop,
  { seed, seconds, probeSeconds, kills }: CampaignOptions,
  report: (line: string) => void,
): Promise<CampaignResult> {
  const services = shop.services.filter(isCallable).map(({ name }) => name);
  for (const service of services) await shop.meshControl.scale({ service, version: "v1", replicas: 2 });
  await shop.meshControl.deploy({ service: "catalog", version: "v2", replicas: 2 });
  await shop.meshControl.split({ service: "catalog", weights: ["v1=1", "v2=1"] });
  report(`${shop.processes.length} processes`);

  const job = await prepareJob(shop, seed);
  const warmUp = await runInProcess({ ...job, seconds: probeSeconds });
  const probe = await runInProcess({ ...job, seconds: probeSeconds });
  const rate = Math.floor(probe.perSecond / 2);
  report(`highest ${Math.round(probe.perSecond)} calls a second, load ${rate}`);
  await settle(shop, SETTLE_MS);

  const startAt = performance.timeOrigin + performance.now() + START_MS;
  const disturbing = new Disturbing(shop, startAt, report);
  const plan = planDisturbances({ seed, seconds, services, ...(kills === undefined ? {} : { kills }) });
  const [load] = await Promise.all([runInProcess({ ...job, seconds, rate, startAt }), disturbing.run(plan)]);
  const { happenings } = disturbing;
  const left = await settle(shop, SETTLE_MS);
  const violations = violationsIn(
    await readEvidence(shop, [job.orderId, ...[warmUp, probe, load].flatMap(({ accepted }) => accepted)]),
  );

  const failures = judge(load.failures, happenings);
  const since = (at: number) => Math.round(at - load.startedAt);
  const timed = ({ startedAt, endedAt }: { startedAt: number; endedAt: number }) => ({
    atMs: since(startedAt),
    tookMs: Math.round(endedAt - startedAt),
  });
  const ofKind = (kind: Happening["kind"]) => happenings.filter((happening) => happening.kind === kind);
  const weights = ofKind("weights");
  return {
    highest: Math.round(probe.perSecond),
    overloaded: messagesOf([...warmUp.failures, ...probe.failures]),
    rate,
    latestMs: load.latestMs,
    calls: load.calls,
    weightChanges: weights.length,
    longestWeightChangeMs: Math.max(...weights.map((change) => timed(change).tookMs)),
    certificates: ofKind("certificate").length,
    happenings: happenings
      .filter(({ kind }) => kind !== "weights" && kind !== "certificate")
      .map((happening) => ({ what: happening.what, ...timed(happening) })),
    failures: failures.map((failure) => {
      const { startedAt: _, endedAt: __, ...rest } = failure;
      return { ...timed(failure), ...rest };
    }),
    problems: [
      ...failures
        .filter(({ explainedBy }) => explainedBy === undefined)
        .map(({ method, status }) => `${method} failed with ${status}, which nothing explains`),
      ...Object.entries(load.calls).flatMap(([name, { calls }]) => (calls > 0 ? [] : [`nobody called ${name}`])),
      ...(weights.length < seconds / 2 ? [`the weights changed ${weights.length} times in ${seconds} s`] : []),
      ...disturbing.carriers
        .filter((instance) => !ofKind("certificate").some(({ what }) => what === `certificate of ${instance}`))
        .map((instance) => `the certificate of ${instance} was never replaced`),
      ...(left.sagas + left.outbox + left.deliveries > 0 ? [`work was left: ${JSON.stringify(left)}`] : []),
      ...violations.map(({ invariant, detail }) => `${invariant}: ${detail}`),
    ],
  };
}

function messagesOf(failures: readonly Failure[]): Record<string, number> {
  const groups = Map.groupBy(failures, ({ message }) => message.replace(/ after [\s\S]*/, ""));
  return Object.fromEntries([...groups].map(([message, list]) => [message, list.length]));
}

async function prepareJob(shop: Shop, seed: number): Promise<Omit<LoadJob, "seconds">> {
  const rest = edgeOf(shop);
  const [customerToken, merchantToken] = await Promise.all([signIn(shop, "alice"), signIn(shop, "merchant")]);
  const productIds = DEMO_PRODUCTS.slice(0, Math.ceil(DEMO_PRODUCTS.length / 2)).map(({ id }) => id);
  const [productId = ""] = productIds;
  const { order } = expectOk(await rest.post("/v1/orders", orderOf({ productId }), { token: customerToken }));
  let paymentId = "";
  while (!paymentId) {
    await sleep(50);
    paymentId = expectOk(await rest.get(`/v1/orders/${order.id}`, { token: customerToken })).order.paymentId ?? "";
  }
  return {
    seed,
    edge: rest.url,
    toolbox: (await shop.meshControl.about({})).toolbox ?? "",
    serviceConfig: readFileSync(
      join(shop.installation.stateDir, "mesh/sidecars/toolbox-v1-1/service-config.json"),
      "utf8",
    ),
    customerToken,
    merchantToken,
    productIds,
    orderId: order.id,
    paymentId,
  };
}
