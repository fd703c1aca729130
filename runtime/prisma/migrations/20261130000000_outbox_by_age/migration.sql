-- What has been kept for long enough is found by Postgres's own clock: ids begin with the time of whichever process wrote them.
CREATE INDEX IF NOT EXISTS "outbox_created_time_idx" ON "runtime"."outbox"("created_time");
