-- The hub's own secrets, encrypted like credentials. A rotation of the vault's key does not change them.
CREATE TABLE hub_secrets (
    name        text        PRIMARY KEY,
    sealed      bytea       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
