import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { runService } from "@row/runtime/run-service.ts";
import { variables } from "./config.ts";
import { ReservationStore } from "./reservation-store.ts";
import { inventoryService } from "./service.ts";

await runService({
  name: "inventory",
  variables,
  async start(host) {
    const pool = await host.database();
    await host.relay(pool);
    const reservations = new ReservationStore(pool);
    host.serve(InventoryServiceService, inventoryService({ pool, reservations }));
  },
});
