-- They are few, and counted each time that somebody asks for metrics.
CREATE INDEX "sagas_stuck_idx" ON "sagas"("create_time") WHERE "finished_time" IS NULL AND "stuck";
