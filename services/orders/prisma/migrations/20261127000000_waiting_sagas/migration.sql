-- Versions that do not know it write a newer revision only, so that what it says does not count after them.
ALTER TABLE "sagas" ADD COLUMN "waiting_revision" BIGINT;

-- Rows come and go here only when a saga is put down and taken up again.
CREATE INDEX "sagas_waiting_idx" ON "sagas"("next_attempt_time") WHERE "finished_time" IS NULL AND "waiting_revision" IS NOT NULL;
