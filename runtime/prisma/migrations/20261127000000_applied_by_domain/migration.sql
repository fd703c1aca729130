-- What has been applied was noted by durable consumer, one for each event type; an aggregate's sequence runs over all types of its
-- domain, so it is noted by service and domain from here on: catalog_shop_inventory_v1_StockLevelChanged becomes catalog/inventory.
-- The old rows stay: instances of the version before still read them while they are replaced, and nobody does afterwards.
INSERT INTO "runtime"."applied" ("consumer", "aggregate_id", "sequence")
SELECT regexp_replace("consumer", '^(.+)_shop_(.+)_v\d+_[^_]+$', '\1/\2'), "aggregate_id", max("sequence")
FROM "runtime"."applied" WHERE "consumer" ~ '^.+_shop_.+_v\d+_[^_]+$'
GROUP BY 1, 2
ON CONFLICT ("consumer", "aggregate_id") DO UPDATE SET "sequence" = greatest("applied"."sequence", excluded."sequence");

-- And what they go on applying meanwhile counts for the others too.
CREATE OR REPLACE FUNCTION "runtime"."applied_to_line"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "runtime"."applied" AS present ("consumer", "aggregate_id", "sequence")
  VALUES (regexp_replace(NEW."consumer", '^(.+)_shop_(.+)_v\d+_[^_]+$', '\1/\2'), NEW."aggregate_id", NEW."sequence")
  ON CONFLICT ("consumer", "aggregate_id") DO UPDATE SET "sequence" = greatest(present."sequence", excluded."sequence");
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER "applied_to_line" AFTER INSERT OR UPDATE ON "runtime"."applied"
FOR EACH ROW WHEN (NEW."consumer" ~ '^.+_shop_.+_v\d+_[^_]+$') EXECUTE FUNCTION "runtime"."applied_to_line"();
