-- Sagas that nobody put down, in the order in which they came: found without a look at all that wait. The column never changes, so
-- that taking a step still rewrites no index.
CREATE INDEX "sagas_ready_idx" ON "sagas"("create_time") WHERE "finished_time" IS NULL AND "waiting_revision" IS NULL;
