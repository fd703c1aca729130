-- What was injected into the version that wrote the event, which its header then says; empty for nothing.
ALTER TABLE "runtime"."outbox" ADD COLUMN IF NOT EXISTS "injected" TEXT NOT NULL DEFAULT '';
