-- The class of each migration: rolling, coordinated or rebuild. An older process reads it to know whether it can work
-- with a migration that it does not know. Only `migrate` writes here, so no lock of a request is waited for.
ALTER TABLE schema_migrations ADD COLUMN class text;
UPDATE schema_migrations SET class = CASE
    WHEN name IN ('0006_no_payment_timeline', '0010_payer_token_cut_off', '0011_log_identity') THEN 'coordinated'
    ELSE 'rolling'
END;
