/** Where everything listens: below the ephemeral range, and away from a shop that runs on the default ports. */
export const PORTS = {
  /** The port base of the shop that is measured. */
  shop: 20_000,
  /** The port base of the shop that it is compared with, to see what an extra costs. */
  comparedShop: 24_000,
  tutorialGateway: 28_201,
  tutorialProducts: 28_202,
  tutorialOrders: 28_203,
  tutorialInventory: 28_204,
  tutorialPayments: 28_205,
  echo: 28_211,
  spanSink: 28_212,
  meshHop: 28_213,
};
