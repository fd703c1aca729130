-- An older version writes no such columns: what it asks for is due at once, and that is harmless.
ALTER TABLE "refund_requests"
    ADD COLUMN "attempts" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "next_attempt_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ADD COLUMN "refused_time" TIMESTAMPTZ(6);

CREATE INDEX "refund_requests_next_attempt_time_idx" ON "refund_requests"("next_attempt_time");
