/** What an experiment sees on this machine: once a second from several sources, none of which holds up the others. */
import type { Observatory, Observed } from "@row/mesh/experiments/run/observation.ts";
import { NO_REQUESTS } from "@row/mesh/judge/arms.ts";
import { adminUrlOf } from "../backup/own-postgres.ts";
import type { Installation } from "../installation.ts";
import { observerUrl } from "../sidecars/observer-client.ts";
import { askStatus } from "../supervisor/control-client.ts";
import { eventsSeen } from "./events-seen.ts";
import { ordersSeen } from "./orders-seen.ts";
import { processesSeen } from "./processes-seen.ts";
import { readOnly } from "./read-only.ts";
import { requestsSeen } from "./requests-seen.ts";
import { type Part, PatientReader } from "./source.ts";
import { stockSeen } from "./stock-seen.ts";
import { measuredThresholds } from "./thresholds.ts";

/** Looks come once a second. */
const LOOK_MS = 800;

const CARD_GATEWAY = "card-gateway";
const CHARGES_CARDS = "payments";

export function laptopObservatory(installation: Installation): Observatory {
  return {
    async thresholds(arms, rule, windowSeconds) {
      return measuredThresholds(await observerUrl(installation), arms, rule, windowSeconds);
    },
    async open(arms, rule, thresholds, started) {
      const observer = await observerUrl(installation);
      const { processes } = await askStatus(installation.stateDir);
      const readyMs = new Map(processes.flatMap((one) => (one.readyAfterMs ? [[one.instance, one.readyAfterMs]] : [])));
      const cardGateway = processes.find(({ name }) => name === CARD_GATEWAY)?.addresses.http;
      const databases = readOnly(adminUrlOf(installation));
      const readers: PatientReader[] = [];
      const close = async () => {
        await Promise.allSettled(readers.map((reader) => reader.close()));
        await databases.close();
      };
      const openings = [
        () => processesSeen(arms, rule, processes),
        () => requestsSeen(observer, { arms, rule, thresholds, started, readyMs }),
        () => ordersSeen(databases, arms, rule, arms.service === CHARGES_CARDS ? cardGateway : undefined),
        () => stockSeen(databases, rule),
        () => eventsSeen(installation, databases, arms, rule),
      ];
      try {
        for (const open of openings) {
          const source = await open();
          if (source) readers.push(new PatientReader(source));
        }
      } catch (error) {
        await close();
        throw error;
      }
      return {
        look: async () => together(await Promise.all(readers.map((reader) => reader.look(LOOK_MS)))),
        close,
      };
    },
  };
}

function together(parts: readonly Part[]): Observed {
  const violations = parts.flatMap((part) => part.violations ?? []);
  return {
    ...Object.assign({}, ...parts),
    requests: parts.find(({ requests }) => requests)?.requests ?? NO_REQUESTS,
    metrics: Object.assign({}, ...parts.map(({ metrics }) => metrics)),
    examples: Object.assign({}, ...parts.map(({ examples }) => examples)),
    ...(violations.length > 0 && { violations }),
  };
}
