/** Order events ↔ their JSON in the event store, which keeps every version of every shape it ever wrote. */
import type { OrderEvent, OrderItem, RecordedEvent } from "./order.ts";

/** Turns the JSON of one schema version into that of the next. */
type Upcaster = (data: Record<string, unknown>) => Record<string, unknown>;

/** Per event type, the upcasters from version 1 to 2, 2 to 3 and so on. A change of shape adds one; none is ever removed. */
export const upcasters: Readonly<Record<OrderEvent["type"], readonly Upcaster[]>> = {
  "order-placed": [],
  "order-confirmed": [],
  "cancellation-requested": [],
  "order-cancelled": [],
};

/** The version that is written today. */
export function schemaVersion(type: OrderEvent["type"]): number {
  return upcasters[type].length + 1;
}

/** The JSON to store. */
export function toData({ type: _, ...data }: OrderEvent): object {
  return "items" in data ? { ...data, items: itemsJson(data.items) } : data;
}

/** A row of order_events. */
export interface EventRow {
  readonly version: bigint;
  readonly type: string;
  readonly schema_version: number;
  readonly data: Record<string, unknown>;
  readonly created_time: Date;
}

/** Reads a stored event, whatever version it was written in. Throws for one this version of the code does not know. */
export function fromRow(row: EventRow): RecordedEvent {
  return { event: fromData(row.type, row.schema_version, row.data), version: row.version, time: row.created_time };
}

/** Lifts stored JSON through `steps` to today's shape. */
export function upcast(
  steps: readonly Upcaster[],
  version: number,
  data: Record<string, unknown>,
): Record<string, unknown> {
  if (version > steps.length + 1)
    throw new Error(`Cannot read schema version ${version}: this code knows ${steps.length + 1}`);
  return steps.slice(version - 1).reduce((lifted, step) => step(lifted), data);
}

function fromData(type: string, version: number, stored: Record<string, unknown>): OrderEvent {
  if (!(type in upcasters)) throw new Error(`Cannot read a stored event of type "${type}": this code does not know it`);
  const known = type as OrderEvent["type"]; // it is a key of upcasters
  const data = upcast(upcasters[known], version, stored);
  switch (known) {
    case "order-placed":
      return {
        type: known,
        customerId: String(data.customerId),
        addressId: String(data.addressId),
        countryCode: String(data.countryCode),
        items: toItems(data.items),
      };
    case "order-confirmed":
      return { type: known, paymentId: String(data.paymentId) };
    case "cancellation-requested":
      return { type: known };
    case "order-cancelled":
      return { type: known, reason: String(data.reason) };
  }
}

interface StoredItem {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  readonly unitPriceMinor: string;
}

/** The items of stored JSON. */
export function toItems(stored: unknown) {
  const items = stored as readonly StoredItem[]; // written by toData or itemsJson, nothing else
  return items.map((item) => ({ ...item, unitPriceMinor: BigInt(item.unitPriceMinor) }));
}

/** The items as stored JSON. */
export function itemsJson(items: readonly OrderItem[]): readonly StoredItem[] {
  return items.map((item) => ({ ...item, unitPriceMinor: String(item.unitPriceMinor) }));
}
