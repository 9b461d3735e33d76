-- Secrets that the hub made for itself, sealed like credentials: they stay the same when the vault's key is rotated.
CREATE TABLE hub_secrets (
    name        text        PRIMARY KEY,
    sealed      bytea       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
