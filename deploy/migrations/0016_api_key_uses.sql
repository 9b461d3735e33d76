-- The last use of each API key, to within some minutes; `holder` is a merchant's slug, or the hub. Gateways write it in
-- batches and may lose the newest. It is information only.
CREATE TABLE api_key_uses (
    holder       text        NOT NULL,
    key_id       text        NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (holder, key_id)
);
