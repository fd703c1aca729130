-- Of each session one token is not used yet, the latest: with it the session ends.
CREATE INDEX "refresh_token_unused_expire_time_idx" ON "refresh_token"("expire_time") WHERE "use_time" IS NULL;
