-- AlterTable
ALTER TABLE "runtime"."outbox" ADD COLUMN "tracestate" TEXT NOT NULL DEFAULT '',
ADD COLUMN "baggage" TEXT NOT NULL DEFAULT '';
