-- CreateTable
CREATE TABLE "stock" (
    "product_id" UUID NOT NULL,
    "on_hand" BIGINT NOT NULL,
    "reserved" BIGINT NOT NULL,
    "sold" BIGINT NOT NULL,
    "received" BIGINT NOT NULL,
    "version" BIGINT NOT NULL,

    CONSTRAINT "stock_pkey" PRIMARY KEY ("product_id")
);

-- CreateTable
CREATE TABLE "reservations" (
    "order_id" UUID NOT NULL,
    "state" TEXT NOT NULL,
    "items" JSONB NOT NULL,

    CONSTRAINT "reservations_pkey" PRIMARY KEY ("order_id")
);

-- What Prisma cannot say.

ALTER TABLE "stock"
    ADD CONSTRAINT "stock_not_negative" CHECK ("on_hand" >= 0 AND "reserved" >= 0 AND "sold" >= 0),
    ADD CONSTRAINT "stock_adds_up" CHECK ("on_hand" + "reserved" + "sold" = "received");

ALTER TABLE "reservations"
    ADD CONSTRAINT "reservations_state" CHECK ("state" IN ('RESERVED', 'RELEASED', 'COMMITTED', 'RETURNED'));

-- Few rows, each updated all the time and no indexed column among what changes: leave room for it on the page.
ALTER TABLE "stock" SET (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.1);
ALTER TABLE "reservations" SET (fillfactor = 80);
