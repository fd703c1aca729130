CREATE TABLE "order_events" (
    "order_id" UUID NOT NULL,
    "version" BIGINT NOT NULL,
    "type" TEXT NOT NULL,
    "schema_version" INTEGER NOT NULL,
    "data" JSONB NOT NULL,
    "created_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "order_events_pkey" PRIMARY KEY ("order_id", "version")
);

CREATE TABLE "orders" (
    "id" UUID NOT NULL,
    "customer_id" UUID NOT NULL,
    "state" TEXT NOT NULL,
    "cancel_reason" TEXT NOT NULL,
    "items" JSONB NOT NULL,
    "total_minor" BIGINT NOT NULL,
    "payment_id" TEXT NOT NULL,
    "address_id" UUID NOT NULL,
    "country_code" TEXT NOT NULL,
    "cancel_requested" BOOLEAN NOT NULL,
    "version" BIGINT NOT NULL,
    "create_time" TIMESTAMPTZ(6) NOT NULL,
    "update_time" TIMESTAMPTZ(6) NOT NULL,
    CONSTRAINT "orders_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "orders_customer_id_id_idx" ON "orders"("customer_id", "id" DESC);

CREATE TABLE "addresses" (
    "id" UUID NOT NULL,
    "address" JSONB NOT NULL,
    CONSTRAINT "addresses_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "sagas" (
    "order_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "definition" INTEGER NOT NULL,
    "service_version" TEXT NOT NULL,
    "direction" TEXT NOT NULL,
    "step" INTEGER NOT NULL,
    "attempt" INTEGER NOT NULL,
    "uncertain" BOOLEAN NOT NULL,
    "reason" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "cancel_requested" BOOLEAN NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "traceparent" TEXT NOT NULL,
    "deadline" TIMESTAMPTZ(6) NOT NULL,
    "next_attempt_time" TIMESTAMPTZ(6) NOT NULL,
    "lease_owner" TEXT NOT NULL,
    "lease_until" TIMESTAMPTZ(6) NOT NULL,
    "fence" BIGINT NOT NULL,
    "revision" BIGINT NOT NULL,
    "stuck" BOOLEAN NOT NULL,
    "create_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_time" TIMESTAMPTZ(6),
    CONSTRAINT "sagas_pkey" PRIMARY KEY ("order_id", "name")
);

-- On a column that never changes, so that taking a step rewrites no index; the free room keeps the new row on its page.
CREATE INDEX "sagas_unfinished_idx" ON "sagas"("create_time") WHERE "finished_time" IS NULL;

ALTER TABLE "sagas" SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE "saga_attempts" (
    "order_id" UUID NOT NULL,
    "saga" TEXT NOT NULL,
    "step" TEXT NOT NULL,
    "undo" BOOLEAN NOT NULL,
    "number" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "worker" TEXT NOT NULL,
    "served_by" TEXT NOT NULL,
    "started_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_time" TIMESTAMPTZ(6),
    CONSTRAINT "saga_attempts_pkey" PRIMARY KEY ("order_id", "saga", "step", "undo", "number")
);

CREATE TABLE "workers" (
    "instance" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "heartbeat_time" TIMESTAMPTZ(6) NOT NULL,
    CONSTRAINT "workers_pkey" PRIMARY KEY ("instance")
);
