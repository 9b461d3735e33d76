-- When a provider last answered about a payment, whichever process asked it; `position` is that of the payment's last
-- event then. A sweep of the account takes the place of a row, so that a crash may empty the table.
CREATE UNLOGGED TABLE provider_answers (
    payment_id  bigint      PRIMARY KEY,
    account     text        NOT NULL,
    answered_at timestamptz NOT NULL,
    position    bigint      NOT NULL
);

-- The head of the log when a sweep was recorded: a read model behind it does not show what that sweep found. The sweep
-- before it is for a read model between the two.
ALTER TABLE sweep_cursors
    ADD COLUMN position bigint NOT NULL DEFAULT 0,
    ADD COLUMN earlier_high_water timestamptz,
    ADD COLUMN earlier_position bigint NOT NULL DEFAULT 0;
