-- The head of the log at the time of this migration. Payers of payments that were opened up to it may hold a token of the
-- payment's number alone; see docs/decisions/0018. In a database without events it is 0, and there are no such tokens.
CREATE TABLE payer_token_cut_off (
    position bigint NOT NULL
);

INSERT INTO payer_token_cut_off (position) SELECT coalesce(max(notification_id), 0) FROM stored_events;
