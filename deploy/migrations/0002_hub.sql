-- What the hub keeps beside the log and cannot rebuild from it.

-- Payment numbers, as merchants know them. A number that was drawn and not used leaves a gap.
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

-- Webhook deliveries, stored before they are answered. `handled_at` is empty until the provider was asked.
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

-- How far each provider account has been swept; losing a row costs one deeper sweep.
CREATE TABLE sweep_cursors (
    account      text        PRIMARY KEY,
    high_water   timestamptz NOT NULL,
    deep_at      timestamptz NOT NULL
);

-- How far each read model has come. It is written in the transaction of the rows it speaks of.
CREATE TABLE checkpoints (
    read_model text    PRIMARY KEY,
    version    integer NOT NULL,
    position   bigint  NOT NULL
);
