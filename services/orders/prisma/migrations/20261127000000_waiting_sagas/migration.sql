-- Versions that do not know it write a newer revision only, so that what it says does not count after them.
ALTER TABLE "sagas" ADD COLUMN "waiting_revision" BIGINT;
