-- Payments that an older version left with an alert, which the monitor still has to query once. Payment 0 marks that the
-- list is complete.
CREATE TABLE second_looks (
    name       text        NOT NULL,
    payment_id bigint      NOT NULL,
    tried_at   timestamptz,
    PRIMARY KEY (name, payment_id)
);
