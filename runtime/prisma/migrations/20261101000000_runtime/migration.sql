-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "runtime";

-- CreateTable
CREATE TABLE "runtime"."outbox" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "position" BIGSERIAL NOT NULL,
    "subject" TEXT NOT NULL,
    "aggregate_id" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "payload" JSONB NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "traceparent" TEXT NOT NULL DEFAULT '',
    "producer" TEXT NOT NULL,
    "created_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "published_time" TIMESTAMPTZ(6),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "runtime"."inbox" (
    "consumer" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "received_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "inbox_pkey" PRIMARY KEY ("consumer","event_id")
);

-- CreateTable
CREATE TABLE "runtime"."applied" (
    "consumer" TEXT NOT NULL,
    "aggregate_id" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,

    CONSTRAINT "applied_pkey" PRIMARY KEY ("consumer","aggregate_id")
);

-- CreateTable
CREATE TABLE "runtime"."requests" (
    "caller" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "request_id" TEXT NOT NULL,
    "body_hash" BYTEA NOT NULL,
    "response" BYTEA NOT NULL,
    "created_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "requests_pkey" PRIMARY KEY ("caller","method","request_id")
);

-- CreateTable
CREATE TABLE "runtime"."audit" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "details" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "audit_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "inbox_received_time_idx" ON "runtime"."inbox"("received_time");

-- CreateIndex
CREATE INDEX "requests_created_time_idx" ON "runtime"."requests"("created_time");

-- CreateIndex
CREATE INDEX "audit_target_time_idx" ON "runtime"."audit"("target", "time");

-- What Prisma cannot say.

-- The relay reads what is not yet published, oldest first.
CREATE INDEX "outbox_unpublished_idx" ON "runtime"."outbox"("position") WHERE "published_time" IS NULL;

-- Every row is updated once, soon after it is written. At the default of 20 % dead rows the index above would bloat.
ALTER TABLE "runtime"."outbox" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE "runtime"."applied" SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- The sequence to record for an aggregate whose events must be applied without a gap. A gap fails the whole statement,
-- inbox row included, so that the event can come again once the missing one has been applied.
CREATE FUNCTION "runtime"."next_sequence"("applied" BIGINT, "received" BIGINT) RETURNS BIGINT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF received > coalesce(applied, 0) + 1 THEN
    RAISE EXCEPTION 'Cannot apply sequence %: % is the last applied', received, coalesce(applied, 0) USING ERRCODE = 'RWGAP';
  END IF;
  RETURN received;
END $$;

-- The audit trail can only grow.
CREATE FUNCTION "runtime"."refuse_change"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Cannot change the audit trail: it is append-only';
END $$;
CREATE TRIGGER "audit_append_only" BEFORE UPDATE OR DELETE ON "runtime"."audit"
  FOR EACH ROW EXECUTE FUNCTION "runtime"."refuse_change"();
CREATE TRIGGER "audit_no_truncate" BEFORE TRUNCATE ON "runtime"."audit"
  FOR EACH STATEMENT EXECUTE FUNCTION "runtime"."refuse_change"();
