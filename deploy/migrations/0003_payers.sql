-- A payer's details for the provider (name, tax number, telephone), encrypted, until the charge exists. They are not in
-- the log: the log is permanent, and these rows are deleted within seconds, or by retention after a day.
CREATE TABLE payers (
    payment_id  bigint      PRIMARY KEY,
    sealed      bytea       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX payers_by_age ON payers (recorded_at);
