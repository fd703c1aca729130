import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { connectNats } from "../src/events/nats.ts";
import { subscribe } from "../src/events/subscribe.ts";
import { log } from "./harness.ts";

const [url = "", service = ""] = process.argv.slice(2);
subscribe({
  nats: await connectNats({ url, log }),
  service,
  event: StockLevelChanged,
  log,
  handler: () => {
    process.send?.("handling");
    return new Promise(() => {});
  },
});
