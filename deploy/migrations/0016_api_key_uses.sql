-- When an API key was last shown, to within some minutes; `holder` is a merchant's slug, or the hub's own. Gateways write
-- it in batches and may lose the newest: nothing is decided by it.
CREATE TABLE api_key_uses (
    holder       text        NOT NULL,
    key_id       text        NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (holder, key_id)
);
