-- The logos of merchants as the hub has drawn them; `digest` is the SHA-256 of `body`, and names the picture in the event
-- and in its address. A row is written before its event, and the newest ones stay for addresses that are still in use.
CREATE TABLE logos (
    merchant   text        NOT NULL,
    digest     bytea       NOT NULL,
    media_type text        NOT NULL,
    width      bigint      NOT NULL,
    height     bigint      NOT NULL,
    body       bytea       NOT NULL,
    stored_at  timestamptz NOT NULL,
    PRIMARY KEY (merchant, digest)
);

CREATE INDEX logos_by_digest ON logos (digest);
