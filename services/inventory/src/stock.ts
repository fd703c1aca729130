/** The stock of a product. Nothing here does I/O. */
import { OutOfStock } from "./reservation.ts";

export interface Stock {
  readonly productId: string;
  /** What can be reserved. */
  readonly onHand: bigint;
  readonly reserved: bigint;
  readonly sold: bigint;
  /** What came in, less what was written off: on hand, reserved and sold together. */
  readonly received: bigint;
  /** Counts the changes of onHand; orders that come together make one. */
  readonly version: bigint;
}

/** The stock of a product of which nothing has come in. */
export function noStock(productId: string): Stock {
  return { productId, onHand: 0n, reserved: 0n, sold: 0n, received: 0n, version: 0n };
}

/** The stock after `delta` came in, or were written off when it is negative. Throws OutOfStock. */
export function adjust(stock: Stock, delta: bigint): Stock {
  const onHand = stock.onHand + delta;
  if (onHand < 0n) throw new OutOfStock("write off", stock.productId, -delta, stock.onHand);
  return { ...stock, onHand, received: stock.received + delta, version: stock.version + 1n };
}
