-- What a provider wants to know of a payer (name, tax number, telephone), sealed, from the intent until the charge is
-- made. It is no part of the log: the log is for ever, and this is gone in seconds, or by retention after a day.
CREATE TABLE payers (
    payment_id  bigint      PRIMARY KEY,
    sealed      bytea       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX payers_by_age ON payers (recorded_at);
