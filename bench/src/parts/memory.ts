import { pssMegabytes } from "../measure/proc.ts";
import type { ShopStack } from "../shop-stack.ts";

/** PSS of each of the shop's own processes now, in MB. */
export function memoryOf(shop: ShopStack): Record<string, number> {
  const own = shop.processes.filter(({ name }) => shop.own.includes(name));
  return Object.fromEntries(own.map(({ name, pid }) => [name, pssMegabytes(pid)]));
}
