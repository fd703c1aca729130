/** The sagas of an order. A change of steps is a new version: sagas under way keep the one they began with. */
import type { SagaDefinition } from "./saga.ts";

/** Reserve, hold the money, charge, sell. */
export const PLACE_ORDER: SagaDefinition = {
  name: "place-order",
  version: 1,
  steps: [
    { name: "reserve-stock", canUndo: true },
    { name: "authorize-payment", canUndo: true },
    { name: "capture-payment", canUndo: false },
    { name: "commit-stock", canUndo: false },
  ],
  pivot: 2,
};

/** After the charge: give the money back, then put the goods back. */
export const CANCEL_ORDER: SagaDefinition = {
  name: "cancel-order",
  version: 1,
  steps: [
    { name: "refund-payment", canUndo: false },
    { name: "return-stock", canUndo: false },
  ],
  pivot: -1,
};

/** Every definition that this code can drive. */
export const DEFINITIONS: readonly SagaDefinition[] = [PLACE_ORDER, CANCEL_ORDER];

/** The definition that a stored saga began with; undefined for one that only newer code knows. */
export function definitionOf(name: string, version: number): SagaDefinition | undefined {
  return DEFINITIONS.find((definition) => definition.name === name && definition.version === version);
}
