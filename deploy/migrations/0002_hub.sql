-- Data beside the log that the hub cannot rebuild from it.

-- The ids of payments. An id that is never used leaves a gap.
CREATE SEQUENCE payment_numbers AS bigint;

-- Provider credentials, encrypted; `sealed` is a nonce and an AES-256-GCM ciphertext.
CREATE TABLE credentials (
    merchant    text        NOT NULL,
    provider    text        NOT NULL,
    account_id  text        NOT NULL,
    sealed      bytea       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant, provider)
);

CREATE INDEX credentials_by_account ON credentials (provider, account_id);

-- Webhook deliveries, stored before the hub answers them. `handled_at` is empty until the delivery is handled.
CREATE TABLE webhook_deliveries (
    delivery_id     uuid        PRIMARY KEY,
    merchant        text        NOT NULL,
    provider        text        NOT NULL,
    kind            text        NOT NULL,
    resource_id     text        NOT NULL,
    verdict         text        NOT NULL,
    evidence        bytea       NOT NULL,
    correlation_id  text        NOT NULL,
    received_at     timestamptz NOT NULL,
    next_attempt_at timestamptz,
    attempts        integer     NOT NULL DEFAULT 0,
    handled_at      timestamptz,
    outcome         text
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE handled_at IS NULL;
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (received_at);

-- The progress of the sweeps of each provider account; a lost row costs one deeper sweep.
CREATE TABLE sweep_cursors (
    account      text        PRIMARY KEY,
    high_water   timestamptz NOT NULL,
    deep_at      timestamptz NOT NULL
);

-- The position of each read model. It changes in the same transaction as the read model's rows.
CREATE TABLE checkpoints (
    read_model text    PRIMARY KEY,
    version    integer NOT NULL,
    position   bigint  NOT NULL
);
