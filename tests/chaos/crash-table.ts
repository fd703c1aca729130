/** Every point at which a process is made to die, and the order that makes it go there. */
import { CANCEL_ORDER, PLACE_ORDER } from "@row/orders/saga/definitions.ts";

/**
 * - paid: goes through to CONFIRMED
 * - declined: the card is refused, what was reserved is released
 * - cancelled: the customer changes their mind while the card is asked, so a hold may have to be let go of
 * - returned: the customer changes their mind after CONFIRMED, so money and goods go back
 * - sold-out: more than there is
 */
export type Scenario = "paid" | "declined" | "cancelled" | "returned" | "sold-out";

export interface CrashRow {
  readonly service: string;
  readonly point: string;
  readonly scenario: Scenario;
}

const row = (service: string, point: string, scenario: Scenario): CrashRow => ({ service, point, scenario });
const around = (service: string, what: string, scenario: Scenario): CrashRow[] => [
  row(service, `${service}.before-${what}`, scenario),
  row(service, `${service}.after-${what}`, scenario),
];

/** Who dies when an event is published, and when one is acknowledged. */
const outbox = (service: string, scenario: Scenario): CrashRow[] => [
  row(service, "outbox.before-publish", scenario),
  row(service, "outbox.after-publish", scenario),
];

/** Payments asks the gateway, then writes what came of it. */
const withCommit = (what: string, scenario: Scenario): CrashRow[] => [
  ...around("payments", what, scenario),
  row("payments", `payments.after-${what}-commit`, scenario),
];

const undoneBy: Readonly<Record<string, Scenario>> = { "reserve-stock": "declined", "authorize-payment": "cancelled" };

const sagaSteps: CrashRow[] = [
  ...PLACE_ORDER.steps.flatMap(({ name }) => around("orders", name, "paid")),
  ...PLACE_ORDER.steps
    .filter(({ canUndo }) => canUndo)
    .flatMap(({ name }) => around("orders", `undo-${name}`, undoneBy[name] ?? "cancelled")),
  ...CANCEL_ORDER.steps.flatMap(({ name }) => around("orders", name, "returned")),
];

export const CRASH_TABLE: readonly CrashRow[] = [
  row("catalog", "events.before-ack", "cancelled"),
  row("catalog", "events.after-ack", "cancelled"),
  ...around("orders", "place", "paid"),
  ...sagaSteps,
  ...outbox("orders", "paid"),
  ...around("inventory", "reserve", "paid"),
  ...around("inventory", "commit", "paid"),
  ...around("inventory", "release", "cancelled"),
  ...around("inventory", "return", "returned"),
  row("inventory", "inventory.before-reserve", "sold-out"),
  ...outbox("inventory", "paid"),
  ...withCommit("authorize", "paid"),
  ...withCommit("capture", "paid"),
  ...withCommit("void", "cancelled"),
  ...withCommit("refund", "returned"),
  row("payments", "payments.after-authorize", "declined"),
  ...outbox("payments", "paid"),
];

/**
 * The table cut into waves: one row of each service at a time, so that they die together and live a while in between.
 * First what cancelled orders do, undisturbed by others, whose restarts would make the customer too late; and with them
 * what catalog acknowledges, because a delivery that was not acknowledged comes again only after 30 s.
 */
export function waves(): CrashRow[][] {
  const isCancelled = ({ scenario }: CrashRow) => scenario === "cancelled";
  return [...abreast(CRASH_TABLE.filter(isCancelled)), ...abreast(CRASH_TABLE.filter((row) => !isCancelled(row)))];
}

function abreast(rows: readonly CrashRow[]): CrashRow[][] {
  const queues = [...Map.groupBy(rows, ({ service }) => service).values()];
  const longest = Math.max(...queues.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => queues.flatMap((queue) => queue.slice(index, index + 1)));
}
