import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { PrismaClient } from "@row/gen/prisma/catalog/client.ts";
import { runService } from "@row/runtime/run-service.ts";
import { variables } from "./config.ts";
import { stockLevelChanged } from "./on/stock-level-changed.ts";
import { ProductReader } from "./product-reader.ts";
import { catalogService } from "./service.ts";

await runService({
  name: "catalog",
  variables,
  async start(host) {
    const pool = await host.database();
    await host.relay(pool);
    // Its lists are fast calls, and loading the compiler takes most of the time that one has.
    const prisma = await host.prisma(PrismaClient, { preload: true });
    host.serve(CatalogServiceService, catalogService({ pool, prisma, reader: new ProductReader(pool) }));
    await host.consume(stockLevelChanged(pool));
  },
});
