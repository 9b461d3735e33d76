-- A request to forget the payer of a payment, and how far it has come; the monitor completes it after a crash, and when the
-- payment is no longer in flight. From `begun_at` on nothing can stop it. `completed_at`: the event is in the log.
CREATE TABLE forgettings (
    payment_id      bigint      PRIMARY KEY,
    reason          text        NOT NULL,
    requested_by    text        NOT NULL,
    requested_at    timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    begun_at        timestamptz,
    destroyed_at    timestamptz,
    completed_at    timestamptz
);

CREATE INDEX forgettings_due ON forgettings (next_attempt_at) WHERE completed_at IS NULL;

-- Payments whose data must stay, as in litigation. The row is written before the event PaymentHeld, and deleted after
-- PaymentReleased, so that a crash keeps the data.
CREATE TABLE holds (
    payment_id bigint      PRIMARY KEY,
    reason     text        NOT NULL,
    until      timestamptz,
    held_by    text        NOT NULL,
    held_at    timestamptz NOT NULL
);

-- The payment that a handled delivery led to. Deliveries of older versions are found by their resource.
ALTER TABLE webhook_deliveries ADD COLUMN payment_id bigint;

-- The migration is coordinated: no process writes meanwhile.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX webhook_deliveries_by_payment ON webhook_deliveries (payment_id) WHERE payment_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX webhook_deliveries_by_resource ON webhook_deliveries (resource_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX evidence_by_payment ON evidence (payment_id) WHERE payment_id IS NOT NULL;
