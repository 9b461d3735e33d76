-- The log's newest position at the time of this migration. Payers of payments up to it may have a token that covers the
-- payment's id only; see docs/decisions/0018. In a database without events it is 0, and no such token exists.
CREATE TABLE payer_token_cut_off (
    position bigint NOT NULL
);

INSERT INTO payer_token_cut_off (position) SELECT coalesce(max(notification_id), 0) FROM stored_events;
