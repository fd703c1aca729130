CREATE TABLE "payments" (
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "customer_id" UUID,
    "amount_minor" BIGINT NOT NULL,
    "state" TEXT NOT NULL,
    "decline_reason" TEXT NOT NULL,
    "version" BIGINT NOT NULL,
    "create_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "update_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "payments_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "payments_state_check" CHECK ("state" IN ('AUTHORIZED', 'DECLINED', 'CAPTURED', 'VOIDED', 'REFUNDED')),
    CONSTRAINT "payments_amount_check" CHECK ("amount_minor" > 0 OR "state" = 'VOIDED')
);

CREATE UNIQUE INDEX "payments_order_id_key" ON "payments"("order_id");

CREATE TABLE "ledger_entries" (
    "transaction_id" TEXT NOT NULL,
    "account" TEXT NOT NULL,
    "payment_id" UUID NOT NULL,
    "amount_minor" BIGINT NOT NULL,
    "create_time" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "ledger_entries_pkey" PRIMARY KEY ("transaction_id", "account"),
    CONSTRAINT "ledger_entries_amount_check" CHECK ("amount_minor" <> 0)
);

CREATE FUNCTION "ledger_transaction_balances"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum("amount_minor") FROM "ledger_entries" WHERE "transaction_id" = NEW."transaction_id") <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', NEW."transaction_id";
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER "ledger_entries_balance" AFTER INSERT ON "ledger_entries"
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "ledger_transaction_balances"();

CREATE FUNCTION "ledger_is_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: post a transaction that reverses it';
END $$;

CREATE TRIGGER "ledger_entries_append_only" BEFORE UPDATE OR DELETE ON "ledger_entries"
    FOR EACH ROW EXECUTE FUNCTION "ledger_is_append_only"();
